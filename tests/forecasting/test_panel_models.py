"""A model of many series: its forecasts of new data, of unknown series, and the code for one."""

import json
import subprocess
import sys
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
from safetensors.numpy import load_file

from commands import Run
from narrowcast import Forecaster, load_config, pipeline
from narrowcast.config import Config
from narrowcast.data import load_rules
from narrowcast.digests import sealed
from narrowcast.errors import UserError
from narrowcast.integer import forecast, load_model, of_series

BASE = """
[data]
layout = "long"
path = "sales.csv"
window = 6
lead = 1
outputs = 2
static = ["size"]
[model]
channels = 4
[train]
epochs = 1
finetune_epochs = 1
"""
KINDS = {
    "relative": (),
    "seasons": ("data.seasons=[7]", 'data.calendar=["weekday"]'),
    "level": ("data.relative_inputs=[]", "data.known=['price']"),
    "quantiles": ("model.quantiles=[0.2,0.5,0.7]",),
    "stream": ("model.kind=stream",),
    "global": ("data.local_scaling=false",),
}
NAMES = ("north", "south", "east")


def table(names: tuple[str, ...] = NAMES, rows: int = 160) -> pd.DataFrame:
    """Return daily sales of shops of different sizes, the last one of which opens late."""
    random, days = np.random.default_rng(0), np.arange(rows)
    shops = []
    for i, name in enumerate(names):
        sales = 10.0**i * (5 + np.sin(2 * np.pi * days / 7) + 0.2 * random.normal(size=rows))
        time = pd.date_range("2024-01-01", periods=rows)
        price = random.integers(1, 4, rows)
        shop = {"unique_id": name, "ds": time, "y": sales, "size": 1.0 + i, "price": price}
        shops.append(pd.DataFrame(shop)[40 * (i == len(names) - 1) :])
    return pd.concat(shops, ignore_index=True)


def trained(folder: Path, *settings: str) -> Path:
    """Train and quantise a model in ``folder``, and return its output folder."""
    table().to_csv(folder / "sales.csv", index=False)
    (folder / "run.toml").write_text(BASE)
    config = load_config(folder / "run.toml", settings)
    pipeline.train(config, folder / "out")
    pipeline.quantize(config, folder / "out")
    return folder / "out"


@pytest.mark.parametrize("kind", KINDS)
def test_forecasts_are_those_of_the_training_and_of_each_series(tmp_path: Path, kind: str) -> None:
    out = trained(tmp_path, *KINDS[kind])
    stored = load_file(out / "predictions.safetensors")
    found = Forecaster.load(out).predict(table().sample(frac=1, random_state=0))
    assert next(iter(found)) == "unique_id"
    by_series = found.set_index("unique_id", append=True)
    times = pd.DatetimeIndex(stored["time"], tz="UTC").tz_localize(None) - pd.Timedelta("1D")
    names = np.array(NAMES)[stored["series"]]
    wanted = by_series.loc[list(zip(times, names, strict=True))].to_numpy()
    expected = stored["integer"].reshape(len(wanted), -1)
    np.testing.assert_array_equal(wanted, expected)
    # A node has one series: its readings and forecasts are in the unit of that series.
    model, scales = load_model(out), load_rules(out).series
    assert scales is not None
    readings = table()
    if kind not in ("relative", "quantiles", "global"):
        return
    for i, name in enumerate(NAMES):
        own = readings[readings["unique_id"] == name].set_index("ds")[["y", "size"]]
        mine = stored["series"] == i
        windows = np.stack([own[:time][-6:].to_numpy() for time in times[mine]])
        one = of_series(model, scales[name].level, scales[name].spread)
        np.testing.assert_allclose(forecast(one, windows), expected[mine], rtol=1e-9)


def test_evaluation_is_that_of_the_training(tmp_path: Path) -> None:
    out = trained(tmp_path)
    found = Forecaster.load(out).evaluate(table())
    assert [row[0] for row in found.overall()][:2] == ["forecast", "integer"]
    assert found.overall()[0] == ["forecast", "RMSSE", "MASE", "RMSE", "MAE"]
    assert "ridge_per_series" in {row[0] for row in found.overall()}
    later = table()[lambda rows: rows["ds"] >= "2024-05-01"]
    own = json.loads((out / "accuracy.json").read_text())["test"]["integer"]
    assert set(own["by_series"]) == set(NAMES)
    again = Forecaster.load(out).evaluate(later).errors["integer"]
    assert again is not None and again.error < 2 * own["rmsse"]


def test_columns_known_ahead_are_those_of_each_series(tmp_path: Path) -> None:
    forecaster = Forecaster.load(trained(tmp_path, "data.known=['price']", "data.missing=hold"))
    frame = table()
    last = frame["ds"].max()
    early = (frame["unique_id"] == "north") & (frame["ds"] > last - pd.Timedelta("9D"))
    with pytest.raises(UserError, match="'price', known ahead, ends in row 151 of series 'north'"):
        forecaster.predict(frame.assign(price=frame["price"].where(~early)))
    # Rows without readings below hold what is known ahead, and no forecast is made in them.
    short = frame.assign(y=frame["y"].where(frame["ds"] <= last - pd.Timedelta("4D")))
    found = forecaster.predict(short)
    ends = found.groupby("unique_id").apply(lambda rows: rows.index.max())
    assert set(ends) == {last - pd.Timedelta("4D")}


@pytest.mark.parametrize("size", [1e80, 1e140])
def test_errors_that_overflow_are_refused(tmp_path: Path, run: Run, size: float) -> None:
    out = str(trained(tmp_path))
    far = table()
    far.assign(y=far["y"] * size).to_csv("far.csv", index=False)
    code, said, err = run("evaluate", out, "--data", "far.csv", "--json", "errors.json")
    assert code == 2 and not said and not Path("errors.json").exists()
    assert "beyond what a float holds: readings of 'y' lie too far from those of the tr" in err


def test_unknown_series_and_code_for_one(tmp_path: Path, run: Run) -> None:
    out = str(trained(tmp_path))
    table(("north", "new")).to_csv("new.csv", index=False)
    code, _, err = run("predict", out, "--data", "new.csv", "--to", "found.csv")
    assert code == 0 and "1 series that the training has not seen, 'new'" in err
    assert "windows left out: none" in err  # none that would reach into another series
    found = pd.read_csv("found.csv")
    assert set(found["unique_id"]) == {"north", "new"} and found["y+1"].notna().all()
    # None of the models that are fitted to each series forecasts others.
    table(("new",)).to_csv("new.csv", index=False)
    code, said, _ = run("evaluate", out, "--data", "new.csv")
    (row,) = (line.split() for line in said.splitlines() if line.startswith("ridge_per_series"))
    assert code == 0 and set(row[1:]) == {"-"}
    code, _, err = run("export", "c", out, "--to", "c")
    assert code == 2 and "of 3 series: choose one with --series, such as 'north', 'south'" in err
    code, _, err = run("export", "c", out, "--to", "c", "--series", "nort")
    assert code == 2 and "has not seen it (did you mean 'north'?)" in err
    assert not Path("c").exists()
    code, _, err = run("export", "c", out, "--to", "c", "--series", "south")
    assert code == 0 and Path("c/narrowcast_model.c").is_file()


def test_rules_of_another_panel_are_refused(tmp_path: Path) -> None:
    out = trained(tmp_path)
    document = json.loads((out / "source.json").read_text())
    document.pop("sha256")
    north, *_ = document["series"].values()

    def complaint(series: object) -> str:
        (out / "source.json").write_text(json.dumps(sealed({**document, "series": series})))
        with pytest.raises(UserError) as error:
            Forecaster.load(out)
        return str(error.value)

    for key, value in (("spread", 0), ("spread", 1e-320), ("level", np.nan), ("level", 1e308)):
        said = complaint({**document["series"], "north": {**north, key: value}})
        assert f"series.north.{key}: input should be" in said
    for none in ({}, None):
        assert "its settings are not those of the integer model" in complaint(none)
    assert "of other series than source.json" in complaint({"north": north})


def test_frames_and_input_without_what_tells_series_apart(tmp_path: Path) -> None:
    out = trained(tmp_path)
    with pytest.raises(UserError, match="the frame: has no rows"):
        Forecaster.load(out).predict(table()[:0])
    nameless = table().drop(columns="unique_id").to_csv(index=False)
    command = [sys.executable, "-m", "narrowcast", "predict", str(out), "--data", "-"]
    found = subprocess.run(command, input=nameless, capture_output=True, text=True, check=False)
    assert found.returncode == 2 and not found.stdout
    assert "error: -: no column 'unique_id'" in found.stderr


def test_an_index_may_tell_series_apart(tmp_path: Path) -> None:
    out, frame = trained(tmp_path), table(rows=60)
    forecaster = Forecaster.load(out)
    expected = forecaster.predict(frame)
    zone = frame.assign(ds=frame["ds"].dt.tz_localize("UTC"))
    for given, zoned in (
        (frame.set_index("unique_id"), False),
        (frame.set_index(["unique_id", "ds"]), False),
        (frame.set_index(["ds", "unique_id"]), False),
        (frame.set_index(["unique_id", "ds"]).rename_axis(["unique_id", None]), False),
        (frame.astype({"unique_id": "category"}).set_index(["unique_id", "ds"]), False),
        (zone.set_index(["unique_id", "ds"]), True),
    ):
        found = forecaster.predict(given)
        wanted = expected.tz_localize("UTC") if zoned else expected
        pd.testing.assert_frame_equal(found, wanted)
    by_level = forecaster.evaluate(frame.set_index(["unique_id", "ds"]))
    assert by_level.errors["integer"] == forecaster.evaluate(frame).errors["integer"]
    # The same checks apply: names are complete, and each time is there once.
    gap = frame.astype({"unique_id": object})
    gap.loc[3, "unique_id"] = None
    with pytest.raises(UserError, match="column 'unique_id', row 4: is empty"):
        forecaster.predict(gap.set_index(["unique_id", "ds"]))
    twice = pd.concat([frame, frame[:1]]).set_index(["unique_id", "ds"])
    with pytest.raises(UserError, match="series 'north'"):
        forecaster.predict(twice)
    with pytest.raises(UserError, match="no column 'unique_id'"):
        forecaster.predict(frame.set_index(["unique_id", "ds"]).droplevel(0))
    with pytest.raises(UserError, match="no column 'ds', and its index holds no times"):
        forecaster.predict(frame.drop(columns="ds").set_index("unique_id"))
    own = load_config(tmp_path / "run.toml")
    learnt = Forecaster(own).fit(table().set_index(["unique_id", "ds"]))
    pd.testing.assert_frame_equal(learnt.predict(frame), expected)


def test_a_frame_is_learnt_and_forecast_from() -> None:
    keys = {"series": ["*"], "target": "sold", "window": 6, "lead": 1}
    train = {"epochs": 1, "finetune_epochs": 1}
    config = Config.model_validate({"data": keys, "model": {"channels": 4}, "train": train})
    wide = table().pivot(index="ds", columns="unique_id", values="y")[["north", "south"]]
    wide = wide.reset_index(drop=True)
    forecaster = Forecaster(config).fit(wide)
    found = forecaster.predict(wide)
    assert list(found) == ["unique_id", "sold+1"]
    assert list(found.index) == [*range(5, 160)] * 2
    assert list(found["unique_id"].unique()) == ["north", "south"]
