"""The command ``predict``: files in and out, and what it refuses."""

import io
import json
import os
import shutil
import threading
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
from test_predict import ROWS, table

from commands import Run
from narrowcast import Forecaster
from narrowcast.data import rules
from narrowcast.digests import sealed
from narrowcast.errors import UserError
from narrowcast.forecasting import trained
from narrowcast.forecasting.output import write_frames


def complaint(result: tuple[int, str, str]) -> str:
    code, out, err = result
    assert (code, out) == (2, ""), err
    assert err.count("\n") == 1 and err.startswith("narrowcast: error: ")
    return err


@pytest.fixture
def new(tmp_path: Path) -> pd.DataFrame:
    """New readings, also in new.csv: two days without a hole, and then values known ahead only."""
    frame = table(holes=False).iloc[:60]
    frame.index += pd.Timedelta(100, "D")
    frame.iloc[48:, :2] = np.nan
    frame.to_csv(tmp_path / "new.csv")
    return frame


def test_files(run: Run, model: Path, new: pd.DataFrame, tmp_path: Path) -> None:
    out = str(model)
    code, printed, err = run("predict", out, "--data", "new.csv")
    assert code == 0
    assert err == "predict:  43 forecasts; windows left out: none\n"
    read = pd.read_csv(io.StringIO(printed), index_col="time", parse_dates=True)
    read.index = read.index.as_unit("ns")
    assert list(read) == ["b+2", "b+3"]
    assert read.index[0] == new.index[5] and read.index[-1] == new.index[47]
    expected = Forecaster.load(out).predict(new)
    pd.testing.assert_frame_equal(read, expected, check_freq=False)

    for name in ("found.csv", "found.PARQUET"):
        code, printed, _ = run("predict", out, "--data", "new.csv", "--to", name)
        assert (code, printed) == (0, "")
    assert (tmp_path / "found.csv").read_text().startswith("time,b+2,b+3\n")
    written = pd.read_parquet(tmp_path / "found.PARQUET").set_index("time")
    pd.testing.assert_frame_equal(written, expected, check_freq=False)

    new.to_parquet("new.pq")
    (tmp_path / "pipe").unlink(missing_ok=True)
    os.mkfifo("pipe")
    content = (tmp_path / "new.pq").read_bytes()
    writer = threading.Thread(target=(tmp_path / "pipe").write_bytes, args=(content,))
    writer.start()
    code, again, _ = run("predict", out, "--data", "pipe")
    writer.join()
    assert code == 0 and again == (tmp_path / "found.csv").read_text()


def test_batches_do_not_matter(
    model: Path, new: pd.DataFrame, monkeypatch: pytest.MonkeyPatch
) -> None:
    forecaster = Forecaster.load(model)
    at_once = forecaster.predict(new)
    monkeypatch.setattr(trained, "_BATCH_NUMBERS", 100)
    pd.testing.assert_frame_equal(forecaster.predict(new), at_once)


def test_frames(model: Path, new: pd.DataFrame) -> None:
    forecaster = Forecaster.load(model)
    expected = forecaster.predict(new)
    naive = forecaster.predict(new.tz_localize(None))
    assert naive.index.equals(expected.index.tz_localize(None))
    column = forecaster.predict(new.reset_index())
    assert column.index.equals(expected.index)
    zoned = forecaster.predict(new.tz_convert("Asia/Tokyo"))
    assert str(zoned.index.tz) == "Asia/Tokyo" and (zoned.index == expected.index).all()
    for each in (naive, column, zoned):
        np.testing.assert_array_equal(each, expected)
    with pytest.raises(UserError, match="no column 'a': there are"):
        forecaster.predict(new.drop(columns="a"))
    with pytest.raises(UserError, match="has no column 'time', and its index holds no times"):
        forecaster.predict(new.reset_index(drop=True))


@pytest.mark.parametrize(
    ("change", "said"),
    [
        (lambda frame: frame.drop(columns="a"), "new.csv: no column 'a'"),
        (lambda frame: frame.drop(columns="k"), "new.csv: no column 'k'"),
        (lambda frame: frame.drop(columns=["a", "k"]), "new.csv: no columns 'a', 'k': there are"),
        (lambda frame: frame.assign(k=frame["k"][:40]), "known ahead, ends in row 40 (2024-06-29T"),
        (lambda frame: frame[:5], "has 5 rows with readings, and a forecast needs 6"),
        (lambda frame: frame[frame.index.hour % 6 > 0], "a gap in time and 0 a missing value"),
        (lambda frame: frame.assign(a=np.nan), "0 have a gap in time and 43 a missing value"),
        (lambda frame: frame[::2], "no two rows are 01:00:00 apart"),
        (lambda frame: frame.astype(str).assign(a="warm"), "'warm' is not a number"),
        (lambda frame: frame[:0], "has no readings"),
    ],
)
def test_bad_data(
    run: Run,
    model: Path,
    new: pd.DataFrame,
    change: Callable[[pd.DataFrame], pd.DataFrame],
    said: str,
) -> None:
    change(new).to_csv("new.csv")
    assert said in complaint(run("predict", str(model), "--data", "new.csv", "--to", "found.csv"))
    assert [path.name for path in Path().iterdir()] == ["new.csv"]


def test_a_known_column_that_ends_soon_is_remarked(
    run: Run, model: Path, new: pd.DataFrame
) -> None:
    new.iloc[:49].to_csv("new.csv")
    code, printed, err = run("predict", str(model), "--data", "new.csv")
    assert code == 0 and printed.count("\n") == 1 + 43 - 2
    assert "column 'k', known ahead, ends in row 49 (" in err
    assert "the last 2 forecasts need further rows of it" in err
    assert "windows left out: 2 with a missing value" in err


def test_other_units_are_warned_of(run: Run, model: Path, new: pd.DataFrame) -> None:
    new.assign(b=new["b"] + 273.15).to_csv("new.csv")
    code, _, err = run("predict", str(model), "--data", "new.csv")
    assert code == 0 and err.count("warning: readings of ") == 1
    assert "readings of 'b' lie far outside of the integers' range" in err
    assert "in 43 of 43 windows" in err and "another unit?" in err
    training = table().iloc[: int(0.8 * ROWS)]["b"]  # that of the last training
    moved = (new["b"].mean() + 273.15 - training.mean()) / training.std()
    stated = float(err.split("on average ")[1].split()[0])
    assert stated == pytest.approx(moved, rel=0.05) and "deviations above the training" in err


@pytest.mark.usefixtures("new")
def test_names_of_files(run: Run, model: Path) -> None:
    predict = "predict", str(model), "--data", "new.csv", "--to"
    before = Path("new.csv").read_bytes()
    assert "found.xls: results are written as" in complaint(run(*predict, "found.xls"))
    assert "new.csv: is the file of readings" in complaint(run(*predict, "new.csv"))
    Path("x.csv").mkdir()
    assert "x.csv: cannot be written" in complaint_after_lines(run(*predict, "x.csv"))
    assert Path("new.csv").read_bytes() == before
    said = complaint(run("predict", str(model), "--data", "absent.csv"))
    assert said.endswith("absent.csv: no such file\n")


def complaint_after_lines(result: tuple[int, str, str]) -> str:
    """What is said where the model has read the data already."""
    code, out, err = result
    *lines, last = err.splitlines()
    assert (code, out) == (2, "") and all(line.startswith("predict:") for line in lines)
    return last


def altered(path: Path, *, seal: bool, **changes: object) -> None:
    document = {**json.loads(path.read_text()), **changes}
    path.write_text(json.dumps(sealed(document) if seal else document))


@pytest.mark.parametrize(
    ("damage", "said"),
    [
        (shutil.rmtree, "there is no such folder"),
        (lambda out: (out / "integer_model.json").unlink(), "integer_model.json: there is no such"),
        (lambda out: (out / rules.NAME).unlink(), "source.json: there is no such file; run"),
        (lambda out: (out / rules.NAME).write_text('{"data":'), "is truncated or not JSON"),
        (lambda out: (out / rules.NAME).write_text("[]"), "is truncated or not JSON"),
        (lambda out: altered(out / rules.NAME, seal=False, stream=None, interval=1), "altered"),
        (lambda out: altered(out / rules.NAME, seal=True, schema_version=3), "schema version 3"),
        (lambda out: altered(out / rules.NAME, seal=True, data={}), "source.json: data.inputs"),
        (
            lambda out: altered(
                out / rules.NAME,
                seal=True,
                data={**json.loads((out / rules.NAME).read_text())["data"], "window": 7},
            ),
            "source.json: its settings are not those of the integer model",
        ),
        (
            lambda out: altered(out / rules.NAME, seal=True, model_sha256="0"),
            "source.json: does not belong to integer_model.json; run 'narrowcast quantize' again",
        ),
        (lambda out: (out / "integer_model.safetensors").write_bytes(b"x"), "does not belong to"),
    ],
)
@pytest.mark.usefixtures("new")
def test_damaged_models(
    run: Run,
    model: Path,
    tmp_path: Path,
    damage: Callable[[Path], object],
    said: str,
) -> None:
    shutil.copytree(model, tmp_path / "out")
    damage(tmp_path / "out")
    assert said in complaint(run("predict", "out", "--data", "new.csv", "--to", "found.csv"))
    assert not Path("found.csv").exists()


def test_times_are_written_the_same_whatever_frame_they_are_in(tmp_path: Path) -> None:
    times = pd.DatetimeIndex(
        ["2024-01-01 00:00:01.5", "2024-01-01 00:00:02"], tz="UTC", name="time"
    )
    frame = pd.DataFrame({"y": [1.0, 2.0]}, index=times)
    at_once, row_by_row = tmp_path / "a.csv", tmp_path / "b.csv"
    write_frames(at_once, [frame])
    write_frames(row_by_row, [frame.iloc[:1], frame.iloc[1:]])
    assert at_once.read_bytes() == row_by_row.read_bytes()
    assert b"2024-01-01 00:00:02+00:00,2.0" in at_once.read_bytes()
