"""First configurations of tables of labels: each can be trained, or is refused in one line."""

from collections.abc import Callable
from pathlib import Path

import numpy as np
import pandas as pd
import pytest

from commands import Run
from narrowcast.config import Config, load_config
from narrowcast.data import Labels, make_windows, read_table
from narrowcast.data.draft import draft
from narrowcast.errors import UserError
from narrowcast.pipeline.tasks.train import stage
from narrowcast.progress import Progress

ROWS = 120
LABELS = ["lying", "walking", "10", "9"]


def table(**columns: object) -> pd.DataFrame:
    """Return readings of five persons, each with its own clock."""
    rows, rng = np.arange(5 * ROWS), np.random.default_rng(0)
    who, k = rows // ROWS, rows % ROWS
    label = k // 20 % 4
    return pd.DataFrame(
        {
            **{"person_id": who + 7, "t_ms": k * 20.0, "posture": np.array(LABELS)[label]},
            "x": (np.sin(k * (label + 1)) + 0.1 * rng.normal(size=len(rows))).round(3),
            "y": rng.normal(size=len(rows)).round(3),
            "still": 4.0,
            **columns,
        }
    )


def written(path: Path, folder: Path, target: str | None = "posture") -> Config:
    """Return the configuration that is drafted for a table, as it is read from a file."""
    (folder / "run.toml").write_text(draft(path, folder, target, task="classify").text)
    assert all(line.isprintable() for line in (folder / "run.toml").read_text().splitlines())
    return load_config(folder / "run.toml")


def test_what_is_written_can_be_trained(tmp_path: Path) -> None:
    table().to_csv(tmp_path / "lab.csv", index=False)
    config = written(tmp_path / "lab.csv", tmp_path)
    data = config.data
    assert (config.task, data.target, data.inputs) == ("classify", "posture", ["x", "y"])
    assert data.classes == ["9", "10", "lying", "walking"]
    assert (data.time, data.time_unit, data.resample) == ("t_ms", "ms", None)
    assert (data.recording, data.split.by) == (["person_id"], "person_id")
    assert (data.window, data.stride, data.missing) == (5, 2, "drop")
    few = "train.epochs=2", "model.channels=8"
    config = load_config(tmp_path / "run.toml", few)
    (tmp_path / "work").mkdir()
    results = stage(config, lambda: None).run(tmp_path / "work", Progress())
    assert results.data.windows.by_class is not None
    assert list(results.data.windows.by_class) == data.classes


@pytest.mark.parametrize("kind", ["csv", "parquet"])
def test_several_files(tmp_path: Path, kind: str) -> None:
    for i, (_, rows) in enumerate(table().groupby("person_id")):
        path = tmp_path / f"run{i + 8}.{kind}"
        only = rows[rows["posture"] != LABELS[i]] if i < 2 else rows  # not all labels are in each
        if kind == "csv":
            only.to_csv(path, index=False)
        else:
            only.to_parquet(path, index=False)
    config = written(tmp_path / f"run*.{kind}", tmp_path)
    assert set(config.data.classes) == set(LABELS) and config.data.split.by == "person_id"
    dataset = make_windows(read_table(config.data), config.data)
    assert isinstance(dataset.targets, Labels)
    assert all(dataset.targets.counts(dataset.train.target).values())


def test_without_persons_or_times(tmp_path: Path) -> None:
    plain = table().drop(columns=["person_id", "t_ms"])
    plain.to_csv(tmp_path / "lab.csv", index=False)
    config = written(tmp_path / "lab.csv", tmp_path, target=None)  # the label is found
    assert config.data.target == "posture" and config.data.time is None
    assert not config.data.recording and config.data.split.by is None
    assert "recordings by nothing, parts by their order" in (tmp_path / "run.toml").read_text()


@pytest.mark.parametrize("name", ["time", "Zeit", "elapsed_time"])
def test_a_time_in_an_unknown_unit_is_no_input(tmp_path: Path, name: str) -> None:
    plain = table().rename(columns={"t_ms": name})
    plain.to_csv(tmp_path / "lab.csv", index=False)
    data = written(tmp_path / "lab.csv", tmp_path).data
    assert data.time is None and name not in data.inputs
    assert (
        f"# not in use: {name!r}: a time in an unknown unit" in (tmp_path / "run.toml").read_text()
    )
    text = draft(
        tmp_path / "lab.csv", tmp_path, "posture", {"time_unit": "ms"}, task="classify"
    ).text
    assert f'time = "{name}"' in text


def test_different_rates_are_resampled(tmp_path: Path) -> None:
    fast = table()
    fast["t_ms"] *= np.where(fast["person_id"] % 2, 1.0, 0.5)
    fast.to_csv(tmp_path / "lab.csv", index=False)
    data = written(tmp_path / "lab.csv", tmp_path).data
    assert (data.resample, data.missing, data.interval) == ("20ms", "hold", None)


def test_wisdm(tmp_path: Path, real_data: Path) -> None:
    path = real_data / "wisdm51" / "accel_AtoE_12subjects.csv.gz"
    data = written(path, tmp_path, "activity").data
    assert (data.recording, data.split.by) == (["subject", "activity"], "subject")
    assert (data.window, data.stride, data.resample) == (50, 25, "50ms")
    assert data.classes == list("ABCDE") and data.inputs == ["x", "y", "z"]


@pytest.mark.parametrize(
    ("change", "target", "said"),
    [
        (table, "postur", r"no column 'postur' \(did you mean 'posture'\?\)"),
        (table, "x", "column 'x': has 5.. different values in 600 rows, but labels are 2 to 128"),
        (table, "still", "column 'still': has 1 different value in 600 rows"),
        (table, "t_ms", "column 't_ms': holds the time stamps"),
        (lambda: table().drop(columns="posture"), None, "which column holds the labels"),
        (lambda: table()[["posture", "person_id"]], "posture", "no column of numbers"),
        (lambda: table()[:60], "posture", "choose a shorter window|no window of the training part"),
    ],
)
def test_refused(
    tmp_path: Path, change: Callable[[], pd.DataFrame], target: str | None, said: str
) -> None:
    change().to_csv(tmp_path / "lab.csv", index=False)
    with pytest.raises(UserError, match=said) as caught:
        draft(tmp_path / "lab.csv", tmp_path, target, task="classify")
    assert str(caught.value).isprintable()


def test_a_remark_on_labels(tmp_path: Path) -> None:
    plain = table().drop(columns=["person_id", "t_ms"])
    plain.to_csv(tmp_path / "lab.csv", index=False)
    last = draft(tmp_path / "lab.csv", tmp_path).lines[-1]
    assert last == "labels:    perhaps in 'posture': --task classify --target posture"


def test_the_command(run: Run, folder: Path) -> None:
    table().to_csv(folder / "lab.csv", index=False)
    code, out, err = run("init", "lab.csv", "--task", "classify", "--target", "posture")
    assert (code, err) == (0, "") and "labels:    4 in 'posture'\n" in out
    for arguments in (("--task", "cluster"), ("--task", "classify", "--target", "x")):
        code, out, err = run("init", "lab.csv", "--force", *arguments)
        assert (code, out, err.count("\n")) == (2, "", 1)
    code, _, err = run("init", "none/*.csv", "--task", "classify")
    assert code == 2 and "no file matches this pattern" in err
