import gzip
import io
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pandas as pd
import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from reader import Read, reader

from narrowcast.config import DataConfig
from narrowcast.data import read_table
from narrowcast.errors import UserError

CSV = """time,a,b,y,note
2024-01-01 00:00,1,4.5,7,x
2024-01-01 01:00,2,,8,y
2024-01-01 02:00,3,NA,9,z
2024-01-01 04:00,5,-1e3,,
"""


def config(path: Path | None, **changes: object) -> DataConfig:
    defaults = {"time": "time", "inputs": ["a", "b"], "target": "y", "window": 2, "lead": 1}
    return DataConfig.model_validate({**defaults, "path": path, **changes})


@pytest.fixture
def read(tmp_path: Path) -> Read:
    return reader(tmp_path, config)


@pytest.fixture
def complaint(read: Read) -> Callable[..., str]:
    def complaint(content: str | bytes, name: str = "r.csv", **changes: object) -> str:
        with pytest.raises(UserError) as caught:
            read(content, name, **changes)
        message = str(caught.value)
        assert "\n" not in message
        assert name in message
        return message.split(name, 1)[1]

    return complaint


def test_reads_the_columns_in_use(read: Read) -> None:
    table = read(CSV)
    assert list(table.frame) == ["a", "b", "y"]
    assert (table.frame.dtypes == np.float64).all()
    np.testing.assert_array_equal(table.frame["b"], [4.5, np.nan, np.nan, -1000])
    assert table.missing == {"a": 0, "b": 2, "y": 1}
    assert table.interval == pd.Timedelta("1h")
    assert table.gaps.tolist() == [False, False, False, True]
    assert table.time is not None and str(table.time.tz) == "UTC"


@pytest.mark.parametrize("separator", [",", ";", "\t"])
@pytest.mark.parametrize("ending", ["\n", "\r\n"])
@pytest.mark.parametrize("mark", ["", "\ufeff"])
@pytest.mark.parametrize("packed", [False, True])
def test_dialects(read: Read, separator: str, ending: str, mark: str, packed: bool) -> None:
    text = mark + CSV.replace(",", separator).replace("\n", ending)
    content = gzip.compress(text.encode(), mtime=0) if packed else text.encode()
    table = read(content, "r.csv.gz" if packed else "r.csv")
    pd.testing.assert_frame_equal(table.frame, read(CSV, "plain.csv").frame)


@pytest.mark.parametrize("name", ["", "Unnamed: 0"])
def test_time_column_without_a_name(read: Read, name: str) -> None:
    assert read(CSV.removeprefix("time"), time=name).time is not None


@pytest.mark.parametrize(
    "stamps",
    [
        ["2024-01-01T00:00:00Z", "2024-01-01T02:00:00+01:00", "2024-01-01 02:00Z"],
        ["2024-01-01T00:00:00Z", "2024-01-01 01:00", "2024-01-01 02:00+00:00"],
        ["1704067200", "1704070800", "1704074400"],
        ["1704067200.0", "1704070800.0", "1704074400.0"],
    ],
)
def test_time_stamps(read: Read, stamps: list[str]) -> None:
    rows = [f"{stamp},{i},{i},{i}" for i, stamp in enumerate(stamps)]
    table = read("\n".join(["time,a,b,y", *rows]))
    assert table.time is not None
    assert list(table.time) == list(pd.date_range("2024-01-01", periods=3, freq="h", tz="UTC"))
    assert table.interval == pd.Timedelta("1h")


def test_no_time_column(read: Read) -> None:
    table = read("a,b,y\n1,2,3\n2,3,4\n", time=None, interval="5min")
    assert table.time is None
    assert table.interval == pd.Timedelta("5min")
    assert not table.gaps.any()


def test_months_are_no_gaps(read: Read) -> None:
    rows = [f"2023-{month:02}-01,{month},{month},{month}" for month in range(1, 13) if month != 7]
    assert np.flatnonzero(read("\n".join(["time,a,b,y", *rows])).gaps).tolist() == [6]


def test_rows_layout(read: Read) -> None:
    text = "1,2,3,4\n5,,7,8\n9,9,9,9\n"
    table = read(text, layout="rows", time=None, inputs=["1"], target="0")
    np.testing.assert_array_equal(table.frame["1"], [5, np.nan, 7, 8])
    np.testing.assert_array_equal(table.frame["0"], [1, 2, 3, 4])


@pytest.mark.parametrize("indexed", [False, True])
def test_parquet(read: Read, indexed: bool) -> None:
    frame = pd.read_csv(io.StringIO(CSV.replace("a,b,", "a,PM2.5,")), parse_dates=["time"])
    buffer = io.BytesIO()
    (frame.set_index("time") if indexed else frame).to_parquet(buffer)
    table = read(buffer.getvalue(), "r.parquet", inputs=["a", "PM2.5"])
    expected = read(CSV).frame.rename(columns={"b": "PM2.5"})
    pd.testing.assert_frame_equal(table.frame, expected)
    assert table.time is not None and len(table.time) == 4


def test_parquet_in_rows(read: Read) -> None:
    buffer = io.BytesIO()
    pd.DataFrame([[1.0, 2, 3], [4, 5, 7]]).rename(columns=str).to_parquet(buffer)
    changes = {"layout": "rows", "time": None, "inputs": ["1"], "target": "1"}
    assert read(buffer.getvalue(), "r.parquet", **changes).frame["1"].tolist() == [4, 5, 7]


def test_parquet_with_an_unnamed_index(read: Read) -> None:
    frame = pd.read_csv(io.StringIO(CSV), index_col="time", parse_dates=True)
    buffer = io.BytesIO()
    frame.rename_axis(None).to_parquet(buffer)
    assert read(buffer.getvalue(), "r.parquet", time="").time is not None


def test_blank_lines_in_a_single_column_are_missing_values(read: Read) -> None:
    table = read("a\n1\n\n2\n", time=None, inputs=["a"], target="a")
    assert table.missing == {"a": 1}


@pytest.mark.parametrize(
    ("old", "new", "expected"),
    [
        ("2,,8", "2,abc,8", ", column 'b', row 2: 'abc' is not a number"),
        ("2,,8", '2,"1,5",8', ", column 'b', row 2: '1,5' is not a number"),
        ("2,,8", "True,,8", ", column 'a', row 2: 'True' is not a number"),
        ("2,,8", "2,inf,8", ", column 'b', row 2: the value is infinite"),
        ("2,,8", "2,-Infinity,8", ", column 'b', row 2: the value is infinite"),
        ("2,,8", "2,1e999,8", ", column 'b', row 2: the value is infinite"),
        ("a,b", "a,B", ": no column 'b' (did you mean 'B'?): there are 'time', 'a', 'B', 'y', 'n"),
        ("a,b", "b,b", ": no column 'a': there are"),
        ("a,b,y", "a,b,b", ": 2 columns are named 'b'"),
        (
            "2024-01-01 01:00",
            "1 o'clock",
            ", column 'time', row 2: \"1 o'clock\" is no time in ISO 8601: set",
        ),
        ("2024-01-01 01:00", "", ", column 'time', row 2: the time stamp is missing: com"),
        (
            "2024-01-01 02:00",
            "2024-01-01 01:00",
            ", column 'time', row 3: 2024-01-01 01:00:00+00:00 stands there for the second time (1",
        ),
        ("2,,8,y", "2,,8,y,,", ": row 2 has 7 fields, the header 5"),
        ("2,,8,y", '2,,8,"y', ": not a regular table: "),
        ("4.5", "", ", column 'b': has the constant value -1000"),
    ],
)
def test_mistake_in_a_table(
    complaint: Callable[..., str], old: str, new: str, expected: str
) -> None:
    assert old in CSV
    assert complaint(CSV.replace(old, new, 1)).startswith(expected)


def test_columns_not_in_use_are_not_looked_at(read: Read) -> None:
    assert len(read(CSV.replace(",x\n", ",inf\n")).frame) == 4


@pytest.mark.parametrize(
    ("content", "name", "expected"),
    [
        (b"", "r.csv", ": the file is empty"),
        (b"\n \n", "r.csv", ": the file is empty"),
        (b"time,a,b,y\n", "r.csv", ": has no readings"),
        (b"time,a,b,y\n2024,1,2,\n2025,2,3,\n", "r.csv", ", column 'y': has no values at all"),
        (b"time,a,b,y\n2024,1,2,3\n2025,2,3,3\n", "r.csv", ", column 'y': has the constant value"),
        (b"time,a,b,y\n2024,1,2,\xff\n", "r.csv", ": not UTF-8 text"),
        (b"time,a\xff,b,y\n2024,1,2,3\n", "r.csv", ": not UTF-8 text"),
        (b"a,b\n1,2,3\n1,2,3\n", "r.csv", ": no column"),
        (
            b"time,a,b,y\n2024,1,2,3,4\n2025,2,3,3,4\n",
            "r.csv",
            ": row 1 has 5 fields, the header 4",
        ),
        (b"time,a,b,y\n2024,1,2,3\n2025,2,3,3\n20", "r.csv", ": row 3 has 1 fields, the header 4"),
        (
            gzip.compress(CSV.encode(), mtime=0)[:20] + b"broken",
            "r.csv",
            ": not a readable gzip file",
        ),
        (gzip.compress(CSV.encode(), mtime=0)[:-9], "r.csv.gz", ": not a readable gzip file"),
        (b"PAR1\x15" + CSV.encode(), "r.parquet", ": not a readable Parquet file"),
        (b"", "r.parquet", ": the file is empty"),
    ],
)
def test_unreadable_file(
    complaint: Callable[..., str], content: bytes, name: str, expected: str
) -> None:
    assert complaint(content, name).startswith(expected)


def test_a_missing_last_value_is_no_short_row(complaint: Callable[..., str]) -> None:
    assert "constant" in complaint(b"time,a,b,y\n2024,1,2,3\n\n2025,2,3,\n2026,2,3,3\n", "r.csv")


def test_no_file(tmp_path: Path) -> None:
    with pytest.raises(UserError, match="no such file"):
        read_table(config(tmp_path / "absent.csv"))
    with pytest.raises(UserError, match="no such file"):
        read_table(config(tmp_path / "absent.parquet"))
    with pytest.raises(UserError, match="is a folder"):
        read_table(config(tmp_path))
    with pytest.raises(UserError, match=r"set data\.path"):
        read_table(config(None))


def test_stated_interval_that_never_occurs(complaint: Callable[..., str]) -> None:
    expected = (
        ", column 'time': no two rows are 00:05:00 apart, as data.interval says: most are "
        "01:00:00 apart"
    )
    assert complaint(CSV, interval="5min") == expected
    longer = complaint(CSV, interval="3h")
    assert longer.endswith("most are 01:00:00 apart; data.resample makes longer steps")


def test_mistake_in_rows_layout(complaint: Callable[..., str]) -> None:
    changes = {"layout": "rows", "time": None, "inputs": ["1"], "target": "0"}
    assert complaint("1,2,3\n4,5\n", **changes).startswith(": the series '0' has 3 values, but '1'")
    assert complaint("1,2,3\n", **changes).startswith(": no column '1': there are '0'")
    assert complaint("1,2,3\n4,x,5\n", **changes).startswith(", column '1', row 2: 'x' is not a")


def test_beijing(real_data: Path) -> None:
    path = real_data / "beijing" / "PRSA_Data_Dongsi_20130301-20170228.csv.gz"
    table = read_table(config(path, time=None, inputs=["PM2.5", "TEMP"], target="O3"))
    assert len(table.frame) == 35064
    assert table.missing["PM2.5"] == 750


def test_nan_and_null_in_parquet_are_missing(tmp_path: Path) -> None:
    path = tmp_path / "r.parquet"
    time = pd.date_range("2024-01-01", periods=4, freq="h")
    values = {"time": time, "b": [1.0, 2.0, 3.0, 4.0], "y": [1.0, 3.0, 2.0, 4.0]}
    for a in ([1.0, None, 2.0, 5.0], [1.0, float("nan"), 2.0, 5.0]):
        pq.write_table(pa.table({**values, "a": pa.array(a, from_pandas=False)}), path)
        assert read_table(config(path)).missing["a"] == 1
