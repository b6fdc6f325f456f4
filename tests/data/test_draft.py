"""First configurations of tables: each can be trained, or the table is refused in one line."""

import gzip
import itertools
from collections.abc import Callable
from datetime import datetime
from pathlib import Path

import numpy as np
import pandas as pd
import pyarrow as pa
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from narrowcast.config import Config, load_config
from narrowcast.data import make_windows, read_table
from narrowcast.data.draft import draft
from narrowcast.data.inspection import inspect
from narrowcast.data.timestamps import find_formats
from narrowcast.errors import UserError
from narrowcast.estimate import estimate

CASES = Path(__file__).parents[3] / "shared" / "cases" / "tables"
REFUSED = {
    "big_header_field.csv": "is no table, but JSON",
    "dst_naive_fold.csv": "set data.timezone",
    "long_seamless.csv": "column 'unique_id' has 2 values that repeat",
    "nul_in_line.csv": "holds a NUL character",
    "one_huge_field.csv": "has no header with as many names",
    "parquet-flip-3.parquet": "not a readable Parquet file",
    "parquet-flip-57.parquet": "not a readable Parquet file",
    "xlsx.xlsx": "a zip archive or an Excel workbook",
}
KEYS = {  # that the file needs
    "long_by_series.csv": {"id": "unique_id"},
    "dayfirst_dot.csv": {"time_format": "%d.%m.%Y %H:%M"},
    "excel_serial.csv": {"time_format": "excel"},
    "jit_ms_15pct.csv": {"resample": "10min", "interval": None},
    "latin1_header.csv": {"encoding": "cp1252"},
    "rows_blank.csv": {"layout": "rows", "time": None},
    "thousands.csv": {"thousands": ","},
    "units_row.csv": {"skip_rows": 1},
    "yyyymmdd.csv": {"interval": "1D", "time_format": None},
    "year1600.csv": {"time": None},
}


def written(table: Path, folder: Path, **options: object) -> Config:
    """Return the configuration that is drafted for a table, as it is read from a file."""
    path = folder / "run.toml"
    path.write_text(draft(table, folder, **options).text)  # type: ignore[arg-type]
    assert all(line.isprintable() for line in path.read_text().splitlines())
    return load_config(path)


@pytest.mark.parametrize("name", sorted(p.name for p in CASES.iterdir() if p.suffix != ".toml"))
def test_odd_tables(tmp_path: Path, name: str) -> None:
    if name in REFUSED:
        with pytest.raises(UserError, match=REFUSED[name]) as caught:
            draft(CASES / name, tmp_path)
        assert str(caught.value).isprintable()
        return
    config = written(CASES / name, tmp_path)
    assert config.data.path is not None and config.data.path.samefile(CASES / name)
    assert config.data.target in config.data.inputs
    make_windows(read_table(config.data), config.data)
    for key, value in KEYS.get(name, {}).items():
        assert getattr(config.data, key) == value


def test_settings_of_the_user(tmp_path: Path) -> None:
    given = {"timezone": "Europe/Berlin"}
    config = written(CASES / "dst_naive_fold.csv", tmp_path, given=given)
    assert config.data.timezone == "Europe/Berlin"


@pytest.mark.parametrize(
    ("name", "rows", "expected"),
    [
        ("airu/airu.csv", 3000, {"time": "Unnamed: 0", "interval": "1h", "missing": "hold"}),
        (
            "beijing/PRSA_Data_Dongsi_20130301-20170228.csv.gz",
            2000,
            {"time": ["year", "month", "day", "hour"], "interval": "1h"},
        ),
        ("ett/ETTh1.csv", 1500, {"time": "date", "target": "OT", "interval": "1h"}),
        ("skab/valve1/0.csv.gz", 1100, {"time": "datetime", "interval": "1s"}),
        ("vic_electricity/vic_electricity.csv.gz", 2000, {"calendar": ["hour"]}),
        ("walmart/weekly_sales_wide.csv", 200, {"interval": "7D", "window": 11}),
    ],
)
def test_real_data(
    tmp_path: Path, real_data: Path, name: str, rows: int, expected: dict[str, object]
) -> None:
    unpack = gzip.open if name.endswith(".gz") else open
    with unpack(real_data / name, "rt") as stream:
        (tmp_path / "table.csv").write_text("".join(itertools.islice(stream, rows)))
    config = written(tmp_path / "table.csv", tmp_path)
    for key, value in expected.items():
        assert getattr(config.data, key) == value
    assert config.hardware.device == "xc7s15" and estimate(config).fits


def table(**columns: object) -> pd.DataFrame:
    hours = np.arange(900)
    week = np.where(hours // 24 % 7 >= 5, 3.0, 0.0)
    daily = np.sin(2 * np.pi * hours / 24)
    noise = np.random.default_rng(0).normal(size=(2, 900))
    return pd.DataFrame(
        {
            "when": pd.date_range("2024-01-01", periods=900, freq="h").strftime("%d/%m/%Y %H:%M"),
            "load": daily + week + 0.1 * noise[0],
            "wind": noise[1].round(3),
            "void": 7,
            "state": hours % 3,
            **columns,
        }
    )


def test_a_file_in_full(tmp_path: Path) -> None:
    frame = table()
    frame.loc[[50, 51, 200, 300], "wind"] = -999
    frame.to_csv(tmp_path / "load.csv", index=False, sep=";", decimal=",")
    found = draft(tmp_path / "load.csv", tmp_path)
    assert found.lines[1:] == (
        "columns:   3 of numbers, 1 left out",
        "holes:     4 missing values, 0 gaps in time",
        "target:    'wind', a guess: --target NAME",
    )
    config = written(tmp_path / "load.csv", tmp_path, target="load").data
    assert config.calendar == ["hour", "weekday"] and config.missing_values == [-999]
    assert (config.time_format, config.missing, config.window) == ("%d/%m/%Y %H:%M", "hold", 24)
    assert config.inputs == ["load", "wind", "state"] and config.interval == "1h"
    assert "# not in use: 'void': constant\n" in found.text


@pytest.mark.parametrize(
    ("date", "clock", "form"),
    [
        ("%Y-%m-%d", "%H:%M:%S", None),
        ("%d/%m/%Y", "%H.%M.%S", "%d/%m/%Y %H.%M.%S"),
        ("%m/%d/%Y", "%I:%M %p", "%m/%d/%Y %I:%M %p"),
        ("%Y%m%d", "%H:%M", None),
        ("%Y-%m-%d", "%-H", None),
        ("%Y-%m-%d", "%-H%M", "%Y-%m-%d %H%M"),
        ("%Y%m%d", "%-H%M", "%Y%m%d %H%M"),
        ("%d.%m.%Y", "%-H%M%S", "%d.%m.%Y %H%M%S"),
    ],
)
def test_dates_and_times_of_day(tmp_path: Path, date: str, clock: str, form: str | None) -> None:
    """The last rows are empty, as spreadsheets export them."""
    times = pd.date_range("2024-01-01", periods=900, freq="h")
    frame = table(when=times.strftime(clock), day=times.strftime(date))
    frame = frame.rename(columns={"when": "time"})
    (tmp_path / "load.csv").write_text(frame.to_csv(index=False) + ",,,,,\n,,,,,\n")
    found = draft(tmp_path / "load.csv", tmp_path)
    assert found.lines[0].endswith("2024-02-07T11:00:00+00:00, every 1h")
    assert '"time"' not in found.text.replace('time_of_day = "time"', "")
    data = written(tmp_path / "load.csv", tmp_path).data
    assert (data.time, data.time_of_day, data.time_format) == ("day", "time", form)


@pytest.mark.parametrize(
    "form",
    [
        *("%d.%m.%Y %H:%M", "%m/%d/%Y %I:%M:%S %p", "%d/%m/%y %H.%M", "%Y/%m/%d %H:%M:%S.%f"),
        *("%d %b %Y", "%d-%b-%y %H:%M", "%B %d, %Y %H:%M:%S,%f", "%Y%m%d %H%M%S", "%y%m%d%H%M"),
    ],
)
@given(times=st.lists(st.datetimes(datetime(1970, 1, 1), datetime(2060, 1, 1)), min_size=1))
@settings(max_examples=20)
def test_times_have_the_format_that_wrote_them(form: str, times: list[datetime]) -> None:
    assert form in find_formats(pa.chunked_array([[each.strftime(form) for each in times]]))


@pytest.mark.parametrize(
    "above",
    [
        "Station North\n",
        "Meter;Household 12\nExported;01.05.2024\n\n",
        "Station,North\n\n",
        "# from 2024\nStation North\n" + "note\n" * 20,
    ],
)
@pytest.mark.parametrize("separator", [";", ",", "\t", " "])
def test_a_station_above_the_header(tmp_path: Path, above: str, separator: str) -> None:
    """As loggers and meters export them."""
    times = pd.date_range("2024-01-01", periods=900, freq="h").strftime("%Y-%m-%dT%H:%M")
    text = table(when=times).to_csv(index=False, sep=separator, na_rep="-")
    (tmp_path / "load.csv").write_text(above + text)
    data = written(tmp_path / "load.csv", tmp_path, target="load").data
    assert (data.time, data.inputs) == ("when", ["load", "wind", "state"])


def test_a_single_column_has_one_name(tmp_path: Path) -> None:
    """Its rows are no header, though a comma would part them alike."""
    rows = (f"{row * 7 % 24},{row % 10}" for row in range(900))
    (tmp_path / "load.csv").write_text("\n".join(["load", *rows]))
    assert list(inspect(tmp_path / "load.csv", {}).frame) == ["load"]


@pytest.mark.parametrize("names", [["year", "month", "day", "hour"], ["YEAR", "MO", "DY", "HR"]])
def test_parts_of_times(tmp_path: Path, names: list[str]) -> None:
    """Years, months, days and hours are columns of numbers, as in weather data."""
    times = pd.date_range("2024-01-01", periods=900, freq="h")
    parts = zip(names, (times.year, times.month, times.day, times.hour), strict=True)
    frame = table().drop(columns="when").assign(**dict(parts), No=range(1, 901))
    frame.to_csv(tmp_path / "load.csv", index=False)
    found = draft(tmp_path / "load.csv", tmp_path)
    assert found.lines[0].endswith("2024-02-07T11:00:00+00:00, every 1h")
    data = written(tmp_path / "load.csv", tmp_path).data
    assert data.time == names and not set(names) & set(data.inputs)
    with pytest.raises(UserError, match=f"column '{names[1]}': holds the time stamps"):
        draft(tmp_path / "load.csv", tmp_path, names[1])
    # Numbers that are no times are columns as any other.
    frame.assign(**{names[3]: frame[names[3]] + 2}).to_csv(tmp_path / "load.csv", index=False)
    assert inspect(tmp_path / "load.csv", {}).time is None


@pytest.mark.parametrize(
    ("change", "target", "said"),
    [
        (table, "lod", r"no column .lod. \(did you mean .load.\?\)"),
        (table, "void", "column 'void': constant"),
        (lambda: table()[["when", "void"]], None, "no column of numbers that vary"),
        (lambda: table()[:9], None, "choose"),
        (lambda: table()[["load"]].set_axis(["3.5"], axis=1), None, "has no header"),
    ],
)
def test_refused(
    tmp_path: Path, change: Callable[[], pd.DataFrame], target: str | None, said: str
) -> None:
    change().to_csv(tmp_path / "load.csv", index=False)
    with pytest.raises(UserError, match=said):
        draft(tmp_path / "load.csv", tmp_path, target)


def test_a_path_from_another_folder(tmp_path: Path) -> None:
    (tmp_path / "tables").mkdir()
    (tmp_path / "runs").mkdir()
    table().to_csv(tmp_path / "tables" / 'a "load".csv', index=False)
    config = written(tmp_path / "tables" / 'a "load".csv', tmp_path / "runs")
    assert config.data.path is not None and config.data.path.samefile(
        tmp_path / "tables" / 'a "load".csv'
    )


def saved(folder: Path, head: str, **columns: object) -> Path:
    """Write lines above a table, and the table, whose last column has missing values."""
    rows = table(when=pd.date_range("2024-01-01", periods=900, freq="h"), **columns)
    path = folder / "load.csv"
    path.write_text(head + rows.to_csv(index=False, header=not head))
    return path


@pytest.mark.parametrize(
    "head",
    [
        "TOA5,CR1000,1234,CPU:x.CR1,1,Table1,2\nwhen,load,wind,void,state\n",
        "Plot Title: 7\nwhen,load,wind,void,state\n",
        "#group,false,true,true,true\n#default,,,,\nwhen,load,wind,void,state\n",
        "#when,load,wind,void,state\n",
    ],
)
def test_lines_above_the_header(tmp_path: Path, head: str) -> None:
    data = written(saved(tmp_path, head), tmp_path).data
    assert (data.time, data.interval) == ("when", "1h")
    assert data.inputs == ["load", "wind", "state"]


def test_a_file_without_a_header(tmp_path: Path) -> None:
    table(when=pd.date_range("2024-01-01", periods=900, freq="h").strftime("%Y-%m-%d")).to_csv(
        tmp_path / "load.csv", index=False, header=False
    )
    with pytest.raises(UserError, match="has no header: add a first line"):
        draft(tmp_path / "load.csv", tmp_path)


def test_words_that_stand_among_numbers(tmp_path: Path) -> None:
    """They are joined with numbers that stand for missing values."""
    wind = table()["wind"].astype(object)
    wind[[50, 200]], wind[51], wind[[90, 91, 400]] = "unavailable", "***", -999
    config = written(saved(tmp_path, "", wind=wind), tmp_path).data
    assert set(config.missing_values) == {"***", "unavailable", -999}
    assert config.inputs == ["load", "wind", "state"]
    single = tmp_path / "single.csv"
    single.write_text("Station 7\nload\n" + "\n".join(map(str, table()["load"])))
    with pytest.raises(UserError, match="no column of numbers"):  # load is a name
        draft(single, tmp_path)
    wind[50] = "v" * 200
    assert "wind" not in written(saved(tmp_path, "", wind=wind), tmp_path).data.inputs
    text = table()["state"].map({0: "low", 1: "high", 2: "off"})  # a column of words is left out
    assert not written(saved(tmp_path, "", wind=text), tmp_path).data.missing_values


def test_numbers_with_a_decimal_comma_in_quotes(tmp_path: Path) -> None:
    load = table()["load"].map("{:.3f}".format).str.replace(".", ",")
    data = written(saved(tmp_path, "", load=load, wind=load), tmp_path).data
    assert (data.decimal, data.thousands) == (",", None)


def test_a_value_with_a_flag_is_no_decimal_comma(tmp_path: Path) -> None:
    flagged = [f"+{each:04},1" for each in range(200, 1100)]
    data = written(saved(tmp_path, "", wind=flagged), tmp_path).data
    assert (data.decimal, data.thousands) == (None, None) and "wind" not in data.inputs


@pytest.mark.parametrize("last", ["Total,1,2,7,1", ",1,2,7,1"])
def test_a_last_row_without_a_time_is_refused(tmp_path: Path, last: str) -> None:
    path = saved(tmp_path, "")
    path.write_text(f"{path.read_text().replace('when', 'time')}{last}\n")
    with pytest.raises(UserError, match=r"column 'time', row 901: .* delete the row"):
        draft(path, tmp_path)


@pytest.mark.parametrize(
    ("first", "step", "form"),
    [(1_704_067_200, 1, None), (2024, 0.001, "refused"), (19_723, 0.01, "refused")],
)
def test_numbers_in_a_column_named_time(
    tmp_path: Path, first: float, step: float, form: str | None
) -> None:
    """Seconds that count one by one are times; years and days since 1970 are no days of Excel."""
    time = first + step * np.arange(900)
    path = tmp_path / "load.csv"
    table(when=time).rename(columns={"when": "time"}).to_csv(path, index=False)
    data = written(path, tmp_path).data
    assert (data.time, data.time_format) == (None if form else "time", None)


@pytest.mark.parametrize("name", ["hour", "runtime", "high"])
def test_numbers_that_are_no_times_of_day(tmp_path: Path, name: str) -> None:
    """A day has one row, so an hour tells something else."""
    days = pd.date_range("2020-01-01", periods=900).strftime("%Y-%m-%d")
    frame = table(when=days, **{name: np.arange(900) * 7 % 24})
    frame.to_csv(tmp_path / "load.csv", index=False)
    data = written(tmp_path / "load.csv", tmp_path, target="load").data
    assert data.time_of_day is None and name in data.inputs
