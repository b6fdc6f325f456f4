"""The command ``init``, and the commands that a newcomer runs after it."""

from pathlib import Path

import pytest

from commands import Run


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
        (("readings.csv", "--set", "model.channels=8"), "init takes keys of data only"),
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
