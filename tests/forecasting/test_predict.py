"""Forecasts of new data: those of the table of the training are those of its test part, exactly."""

import io
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
from safetensors.numpy import load_file

from commands import Run
from narrowcast import Forecaster, load_config, pipeline
from narrowcast.data import load_rules

BASE = """
[data]
path = "readings.csv"
time = "time"
inputs = ["a", "b"]
target = "b"
window = 6
lead = 1
[model]
channels = 4
[train]
epochs = 1
finetune_epochs = 1
"""
ROWS = 420
KINDS = {
    "window": (),
    "several steps of a target that is no input": ('data.inputs=["a"]', "data.outputs=3"),
    "relative, seasons, calendar": (
        'data.relative_inputs=["b"]',
        'data.calendar=["hour","weekday"]',
        "data.seasons=[24]",
        "data.lead=2",
        "data.timezone=Europe/Berlin",
    ),
    "known, held": ('data.known=["k"]', "data.missing=hold", "data.outputs=2"),
    "several targets": ('data.target=["b","a"]', "data.outputs=2", "data.seasons=[24]"),
    "quantiles": ('data.target=["b","a"]', "data.outputs=2", "model.quantiles=[0.2,0.5,0.7]"),
    "series": (
        'data.target=["a","b"]',
        'model.tokens="series"',
        'data.calendar=["hour","weekday"]',
        "data.outputs=2",
        "data.missing=mask",
    ),
    "series, drifting": (
        'data.target=["a","b"]',
        'data.relative_inputs=["a","b"]',
        'model.tokens="series"',
        'data.known=["k"]',
        "data.lead=2",
        "model.quantiles=[0.2,0.5,0.7]",
    ),
    "several targets, drifting": (
        'data.target=["a","b"]',
        'data.relative_inputs=["a","b"]',
        'data.known=["k"]',
        "model.kind=stream",
    ),
    "masked": ("data.missing=mask", "data.longest_hole=2"),
    "interpolated, resampled": ("data.missing=interpolate", "data.resample=2h", "data.window=4"),
    "stream": ("model.kind=stream", 'data.known=["k"]', "data.outputs=2"),
    "interpolated stream": ("model.kind=stream", "data.missing=interpolate"),
    "holidays": ("data.holidays=DE", "data.outputs=2"),
    "without times": ('data.inputs=["a","b","k"]',),
}


def table(*, holes: bool = True) -> pd.DataFrame:
    """Readings of an hour, with a gap and missing readings in each third."""
    draw = np.random.default_rng(0)
    hours = np.arange(ROWS)
    frame = pd.DataFrame(
        {
            "a": np.sin(hours / 5) + 0.1 * draw.normal(size=ROWS),
            "b": 20 + 3 * np.sin(2 * np.pi * hours / 24) + draw.normal(size=ROWS),
            "k": draw.integers(0, 4, ROWS).astype(float),
        },
        index=pd.DatetimeIndex(
            pd.Timestamp("2024-03-20", tz="UTC") + pd.to_timedelta(hours, "h"), name="time"
        ),
    )
    if holes:
        frame.loc[draw.random(ROWS) < 0.02, "a"] = np.nan
        frame.loc[draw.random(ROWS) < 0.02, "b"] = np.nan
        frame = frame.drop(frame.index[[100, 101, 300, 380, 381, 382, 383, 384, 385, 386]])
    return frame


def trained(folder: Path, *settings: str, times: bool = True) -> Path:
    """Train and quantise a model in ``folder``, and return its output folder."""
    table().to_csv(folder / "readings.csv", index=times)
    base = BASE if times else BASE.replace('time = "time"', "")
    (folder / "run.toml").write_text(base)
    config = load_config(folder / "run.toml", settings)
    pipeline.train(config, folder / "out")
    pipeline.quantize(config, folder / "out")
    return folder / "out"


@pytest.mark.parametrize("kind", KINDS)
def test_forecasts_of_the_training_table_are_those_of_the_test_part(
    tmp_path: Path, kind: str
) -> None:
    times = kind != "without times"
    out = trained(tmp_path, *KINDS[kind], times=times)
    stored = load_file(out / "predictions.safetensors")
    forecaster = Forecaster.load(out)
    rules = load_rules(out).data
    frame = table() if times else table().reset_index(drop=True)
    found = forecaster.predict(frame)
    steps = range(rules.lead, rules.lead + rules.outputs)
    several = any("quantiles" in each for each in KINDS[kind])
    ends = [" q0.2", " q0.5", " q0.7"] if several else [""]
    assert list(found) == [
        f"{name}+{step}{end}" for name in rules.targets for step in steps for end in ends
    ]
    expected = stored["integer"].reshape(-1, len(found.columns))
    if times:
        first = pd.DatetimeIndex(stored["time"], tz="UTC")
        wanted = first - rules.lead * pd.Timedelta(rules.resample or "1h")
    else:
        wanted = pd.Index(stored["row"] - rules.lead)
    np.testing.assert_array_equal(found.loc[wanted].to_numpy(), expected)
    assert len(found) > len(expected) and found.index.is_monotonic_increasing
    assert not found.isna().any(axis=None)
    if set(rules.known) <= {"holiday"}:  # the last window of all has no target yet
        end = frame.index[-1]
        assert found.index[-1] == (end.ceil(rules.resample) if rules.resample else end)


def test_recordings_are_named(tmp_path: Path, run: Run) -> None:
    """Columns of recordings, and the files of a pattern, stand before the forecasts."""
    first, second = table(holes=False).iloc[:200], table(holes=False).iloc[200:]
    (tmp_path / "runs").mkdir()
    first.assign(who="Ann", run=1).to_csv(tmp_path / "runs" / "a.csv")
    second = second.set_axis(second.index - pd.Timedelta(200, "h"))  # the hours of the first file
    second.assign(who="Bob", run=7).to_csv(tmp_path / "runs" / "b.csv")
    out = str(trained(tmp_path, 'data.path="runs/*.csv"', 'data.recording=["who","run"]'))
    names, frames = ("who", "run"), {}
    for data, columns in {"runs/*.csv": (*names, "file"), "runs/b.csv": names}.items():
        code, printed, _ = run("predict", out, "--data", data)
        frames[data] = pd.read_csv(io.StringIO(printed))
        assert code == 0 and list(frames[data]) == ["time", *columns, "b+1"]
    both, one = frames.values()
    counts = both.groupby(["who", "run", "file"]).size().to_dict()
    assert counts == {("Ann", 1, "a.csv"): 195, ("Bob", 7, "b.csv"): len(second) - 5}
    own = both[both["who"] == "Bob"].drop(columns="file").reset_index(drop=True)
    pd.testing.assert_frame_equal(own, one)
    # a recording that is called "file" keeps its name, but not one that is called as a forecast
    for name in ("one", "two"):
        content = second.assign(**{"file": name, "b+1": f"run {name}"})
        content.to_csv(tmp_path / "runs" / f"{name[0]}.csv")
    keys = 'data.path="runs/[ot]*.csv"', 'data.recording=["file","b+1"]'
    out = str(trained(tmp_path, *keys))
    _, printed, _ = run("predict", out, "--data", "runs/[ot]*.csv")
    found = pd.read_csv(io.StringIO(printed))
    assert list(found) == ["time", "file", "recording b+1", "b+1"]
    assert set(found["file"]) == {"one", "two"}
    assert set(found["recording b+1"]) == {"run one", "run two"}
    np.testing.assert_array_equal(found["b+1"].notna(), True)
