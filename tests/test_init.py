"""The command ``init``, and the commands that a newcomer runs after it."""

import io
import subprocess
import sys
from pathlib import Path

import numpy as np
import pandas as pd
import pytest

from commands import Run
from narrowcast import Forecaster


def test_from_a_table_to_a_forecast(run: Run) -> None:
    code, out, err = run("init", "readings.csv", "--target", "b")
    assert (code, err) == (0, "")
    assert "written:   readings.toml\nnext:      narrowcast build readings.toml" in out
    code, out, err = run("estimate", "readings.toml")
    assert code == 0 and "fits" in out
    few = "--set", "train.epochs=1", "train.finetune_epochs=1", "model.channels=8"
    for stage in ("train", "quantize"):
        code, _, err = run(stage, "readings.toml", "--out", "out", *few)
        assert code == 0, err
    code, out, err = run("predict", "out", "--data", "readings.csv")
    assert code == 0 and out.startswith("time,b+1\n")
    assert len(out.splitlines()) == 1 + 120 - 10 + 1
    assert run("evaluate", "out", "--data", "readings.csv")[0] == 0


def test_dates_and_times_of_day_in_two_columns(run: Run) -> None:
    """The same forecasts come of a file, a pipe and a frame, whose index may have the times."""
    frame = pd.read_csv("readings.csv", parse_dates=["time"])
    time = frame["time"].dt
    frame.insert(1, "clock", time.strftime("%H:%M"))
    frame.assign(time=time.strftime("%d.%m.%Y")).to_csv("two.csv", index=False, sep=";")
    assert run("init", "two.csv", "--target", "b")[0] == 0
    few = "--set", "train.epochs=1", "train.finetune_epochs=1", "model.channels=8"
    for stage in ("train", "quantize"):
        code, _, err = run(stage, "two.toml", "--out", "out", *few)
        assert code == 0, err
    code, out, _ = run("predict", "out", "--data", "two.csv")
    assert code == 0 and len(out.splitlines()) == 1 + 120 - 10 + 1
    command = [sys.executable, "-m", "narrowcast", "predict", "out", "--data", "-", "--quiet"]
    with Path("two.csv").open("rb") as table:
        piped = subprocess.run(command, stdin=table, stdout=subprocess.PIPE, check=True)
    assert piped.stdout.decode() == out
    forecaster = Forecaster.load("out")
    expected = pd.read_csv(io.StringIO(out))["b+1"]
    two = pd.read_csv("two.csv", sep=";", dtype={"clock": str})
    for each in (two, frame.drop(columns="clock").set_index("time")):
        np.testing.assert_allclose(forecaster.predict(each)["b+1"], expected, rtol=1e-12)


def test_nothing_is_overwritten(run: Run, folder: Path) -> None:
    before = (folder / "run.toml").read_text()
    code, out, err = run("init", "readings.csv", "--to", "run.toml")
    assert (code, out) == (2, "") and "run.toml: exists: choose another name" in err
    assert (folder / "run.toml").read_text() == before
    assert run("init", "readings.csv", "--to", "run.toml", "--force")[0] == 0
    assert (folder / "run.toml").read_text() != before


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        (("absent.csv",), "absent.csv: no such file"),
        (("-",), "init needs a file"),
        (("readings.csv", "--target", "c"), "readings.csv: no column 'c'"),
        (
            ("readings.csv", "--set", "model.channels=8"),
            "init takes keys of data only: set others in the configuration",
        ),
        (
            ("readings.csv", "--set", "data.separator=ab"),
            "override 'data.separator=ab'",
        ),
        (("readings.csv", "--set", "data.window=9"), "does not say how a file is written"),
    ],
)
def test_refused(run: Run, folder: Path, arguments: tuple[str, ...], said: str) -> None:
    code, out, err = run("init", *arguments)
    assert (code, out, err.count("\n")) == (2, "", 1) and said in err
    assert sorted(path.name for path in folder.iterdir()) == ["readings.csv", "run.toml"]
