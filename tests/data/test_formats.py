"""Tables as people export them: each is read as the plain table is, or refused with the key."""

import gzip
import io
import os
import subprocess
import sys
import threading
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pandas as pd
import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from fuzz_tables import check
from reader import Read, reader

from narrowcast.config import DataConfig
from narrowcast.data import Table, check_columns, new_table, read_table
from narrowcast.errors import UserError

ROWS = 96
Refused = Callable[..., str]


def config(path: Path, **changes: object) -> DataConfig:
    defaults = {"time": "time", "inputs": ["a", "b"], "target": "a", "window": 4, "lead": 1}
    return DataConfig.model_validate({**defaults, "path": path, **changes})


@pytest.fixture
def read(tmp_path: Path) -> Read:
    return reader(tmp_path, config)


@pytest.fixture
def refused(read: Read) -> Refused:
    def refused(content: str | bytes, name: str = "r.csv", **changes: object) -> str:
        with pytest.raises(UserError) as caught:
            read(content, name, **changes)
        message = str(caught.value)
        assert message.isprintable() and len(message) < 600
        return message.split(name, 1)[1]

    return refused


def plain() -> pd.DataFrame:
    """Return a table of hourly readings."""
    random = np.random.default_rng(3)
    values = np.round(20 + 5 * np.sin(np.arange(ROWS) / 4) + random.normal(size=(2, ROWS)), 2)
    time = pd.date_range("2024-01-01", periods=ROWS, freq="h")
    return pd.DataFrame({"time": time, "a": values[0], "b": values[1]})


def text(separator: str = ",", **columns: object) -> str:
    """Return the table as CSV, with other columns in the place of its own."""
    frame = plain().assign(**columns)
    if "time" not in columns:
        frame["time"] = frame["time"].dt.strftime("%Y-%m-%dT%H:%M:%SZ")
    return str(frame.to_csv(index=False, sep=separator))


def stamps(form: str) -> pd.Series:
    return plain()["time"].dt.strftime(form)


def same(table: Table, **columns: object) -> bool:
    """Return whether a table holds the readings and times of the plain one."""
    expected = plain().assign(**columns)
    np.testing.assert_array_equal(table.frame["a"], expected["a"])
    np.testing.assert_array_equal(table.frame["b"], expected["b"])
    assert table.time is not None
    np.testing.assert_array_equal(table.time, expected["time"].dt.tz_localize("UTC"))
    return True


@pytest.mark.parametrize("scale", [1, 10**3, 10**6, 10**9])
def test_times_since_1970_are_told_apart_by_their_size(read: Read, scale: int) -> None:
    seconds = plain()["time"].astype("datetime64[s]").astype(np.int64)
    assert same(read(text(time=seconds * scale)))
    stream = io.BytesIO()
    plain().assign(time=seconds * scale).to_parquet(stream)
    assert same(read(stream.getvalue()))


@pytest.mark.parametrize("first", ["2004-12-17", "2024-01-01"])
@pytest.mark.parametrize("form", ["%y%m%d%H%M", "%y%m%d%H%M%S"])
def test_years_of_two_digits_are_no_times_since_1970(
    read: Read, refused: Refused, form: str, first: str
) -> None:
    time = pd.Series(pd.date_range(first, periods=ROWS, freq="h"))
    content = text(time=time.dt.strftime(form).astype(int))  # without a zero at the begin
    assert f"set data.time_format = '{form}'" in refused(content)
    assert same(read(content, time_format=form), time=time)


def test_a_few_seconds_since_1970_are_no_dates(read: Read) -> None:
    seconds = 1_704_062_300 + np.arange(ROWS)  # 17-04-06 23:00 to 23:59, as long as they go on
    table = read("\n".join(text(time=seconds).splitlines()[:60]))
    assert table.time is not None
    assert table.time[0] == pd.Timestamp(1_704_062_300, unit="s", tz="UTC")


def test_a_lost_zero_at_the_begin_of_a_date(read: Read) -> None:
    days = pd.Series(pd.date_range("2024-01-01", periods=ROWS))
    content = text(time=days.dt.strftime("%d%m%Y").astype(int))
    assert same(read(content, time_format="%d%m%Y"), time=days)


def test_ticks_of_dotnet_are_no_nanoseconds(read: Read, refused: Refused) -> None:
    seconds = plain()["time"].astype("datetime64[s]").astype("int64")
    ticks = (seconds + 62_135_596_800) * 10**7
    assert "ticks of .NET" in refused(text(time=ticks))
    assert read(text(time=ticks), time_unit="ns").time is not None


@pytest.mark.parametrize("word", ["now", "today"])
def test_words_that_pandas_takes_for_the_present_time(refused: Refused, word: str) -> None:
    for form in ("%Y-%m-%d %H:%M", "%d.%m.%Y %H:%M"):
        time = stamps(form)
        time[ROWS - 1] = word
        message = refused(text(time=time), time_format=None if form.startswith("%Y") else form)
        assert f"row {ROWS}: '{word}'" in message


@pytest.mark.parametrize("row", ["Total,1200,3000", "2024-02-30 00:00,1,2"])
def test_a_row_that_is_no_reading_is_to_be_deleted(refused: Refused, row: str) -> None:
    message = refused(f"{text()}{row}\n")
    assert f"row {ROWS + 1}: " in message and "is no time: correct it, or delete the row" in message


@pytest.mark.parametrize(
    ("mark", "form", "settings"),
    [
        (" - ", "%d.%m.%Y %H:%M", {"time_format": "%d.%m.%Y %H:%M"}),
        ("/", "%Y-%m-%dT%H:%M:%S.0", {}),
    ],
)
def test_periods_begin_at_their_first_time(
    read: Read, refused: Refused, mark: str, form: str, settings: dict[str, str]
) -> None:
    ends = plain()["time"] + pd.Timedelta(hours=1)
    content = text(time=stamps(form) + mark + ends.dt.strftime(form))
    assert same(read(content, **settings))
    if settings:
        assert "set data.time_format, such as '%d.%m.%Y %H:%M'" in refused(content)
    other = text(time=stamps("%Y-%m-%d - %H:%M"))
    assert same(read(other, time_format="%Y-%m-%d - %H:%M"))


@pytest.mark.parametrize("scale", [0, 3])
def test_times_as_decimals_of_parquet(read: Read, scale: int) -> None:
    seconds = plain()["time"].astype("datetime64[s]").astype("int64")
    kind = pa.decimal128(18, scale)
    column = pa.array(seconds).cast(pa.decimal128(19, 0)).cast(kind)
    stream = io.BytesIO()
    table = pa.Table.from_pandas(plain(), preserve_index=False)
    pq.write_table(table.set_column(0, "time", column), stream)
    assert same(read(stream.getvalue()))


def test_text_as_views_in_parquet(read: Read) -> None:
    stream = io.BytesIO()
    column = pa.array(plain()["a"].astype(str), pa.string_view())
    table = pa.Table.from_pandas(plain(), preserve_index=False)
    pq.write_table(table.set_column(1, "a", column), stream)
    assert same(read(stream.getvalue()))


@pytest.mark.parametrize("form", ["%Y%m%d%H%M", "%Y%m%d%H%M%S"])
def test_dates_as_whole_numbers(read: Read, form: str) -> None:
    assert same(read(text(time=stamps(form))))


@pytest.mark.parametrize(("form", "freq"), [("%Y%m%d", "D"), ("%Y%m", "MS"), ("%Y", "YS")])
def test_days_months_and_years(read: Read, form: str, freq: str) -> None:
    times = pd.Series(pd.date_range("1990-01-01", periods=ROWS, freq=freq))
    assert same(read(text(time=times.dt.strftime(form))), time=times)


def test_a_unit_and_a_format_are_forced(read: Read) -> None:
    table = read(text(time=range(ROWS)), time_unit="s")
    assert table.time is not None and table.time[1] == pd.Timestamp(1, unit="s", tz="UTC")
    days = pd.Series(pd.date_range("2034-02-01", periods=ROWS, freq="h"))
    hours = days.dt.strftime("%Y%m%d%H")
    assert same(read(text(time=hours), time_format="%Y%m%d%H"), time=days)


@pytest.mark.parametrize(
    ("time", "expected"),
    [
        (range(ROWS), "'0' is no date, and no time since 1970 that lies in the years 1980 to 2100"),
        (range(20231120, 20231120 + ROWS), "set data.time_unit, or data.time_format"),
        (stamps("%Y%m%d%H"), "set data.time_format = '%Y%m%d%H' or data.time_unit = 's'"),
        (stamps("%d.%m.%Y %H:%M"), "set data.time_format, such as '%d.%m.%Y %H:%M'"),
        (stamps("%m/%d/%Y %I:%M %p"), "'%m/%d/%Y %I:%M %p'"),
        (45292 + np.arange(ROWS) / 24, "set data.time_format = 'excel'"),
        (stamps("1600-%m-%dT%H:%M"), "is outside of the years 1678 to 2261"),
        (stamps("2300-%m-%dT%H:%M"), "is outside of the years 1678 to 2261"),
    ],
)
def test_times_that_are_not_clear_are_refused(
    refused: Refused, time: object, expected: str
) -> None:
    message = refused(text(time=time))
    assert message.startswith(", column 'time', row 1: ") and expected in message


def test_day_first_and_excel_are_read_with_their_format(read: Read) -> None:
    assert same(read(text(time=stamps("%d.%m.%Y %H:%M")), time_format="%d.%m.%Y %H:%M"))
    serial = [f"{45292 + hour / 24:.6f}" for hour in range(ROWS)]
    assert same(read(text(time=serial), time_format="excel"))
    comma = [each.replace(".", ",") for each in serial]
    assert same(read(text(";", time=comma), time_format="excel"))


@pytest.mark.parametrize(
    ("date", "clock", "form"),
    [
        ("%Y-%m-%d", "%H:%M:%S", None),
        (" %d/%m/%Y", "%H.%M.%S", "%d/%m/%Y %H.%M.%S"),
        ("%m/%d/%Y", "%I:%M %p ", "%m/%d/%Y %I:%M %p"),
        ("%Y%m%d", "%H%M", "%Y%m%d %H%M"),
        ("%Y-%m-%d", "%-H", None),
        ("%Y-%m-%d", "%-H%M", "%Y-%m-%d %H%M"),
        ("%d.%m.%Y", "%-H%M%S", "%d.%m.%Y %H%M%S"),
    ],
)
def test_dates_and_times_of_day_in_two_columns(
    read: Read, date: str, clock: str, form: str | None
) -> None:
    content = text(time=stamps(date), clock=stamps(clock)) + ",,,\n"
    assert same(read(content, time_of_day="clock", time_format=form))


def test_dates_and_times_of_day_in_parquet(read: Read) -> None:
    time = plain()["time"]
    file = io.BytesIO()
    plain().assign(time=time.dt.date, clock=time.dt.time).to_parquet(file)
    assert same(read(file.getvalue(), "r.parquet", time_of_day="clock"))


PARTS = ["year", "month", "day", "hour", "minute"]


def parts(count: int) -> dict[str, pd.Series]:
    """Return the parts of the times of the table, each a column."""
    time = plain()["time"]
    every = (time.dt.year, time.dt.month, time.dt.day, time.dt.hour, time.dt.minute)
    return dict(zip(PARTS[:count], every, strict=False))


@pytest.mark.parametrize("count", [4, 5])
def test_times_whose_parts_are_columns(read: Read, count: int) -> None:
    columns, wanted = parts(count), {"time": PARTS[:count]}
    frame = plain().drop(columns="time").assign(**columns)
    assert same(read(frame.to_csv(index=False), **wanted))
    for kind in (np.int64, np.float64):  # Parquet holds them as floats where one is missing
        file = io.BytesIO()
        frame.astype(dict.fromkeys(columns, kind)).to_parquet(file)
        assert same(read(file.getvalue(), "r.parquet", **wanted))
    own = config(Path("unused"), **wanted)
    assert same(new_table(frame, own, target=True))
    assert same(new_table(plain().set_index("time"), own, target=True))  # an index has all parts
    with pytest.raises(UserError, match="has no column 'day', and its index holds no times"):
        new_table(frame.drop(columns=["day", "hour"]), own, target=True)
    utc, _ = berlin(60)
    local = utc.dt.tz_localize("UTC").dt.tz_convert("Europe/Berlin").dt
    frame = frame.assign(month=local.month, day=local.day, hour=local.hour, year=local.year)
    assert same(read(frame.to_csv(index=False), **wanted, timezone="Europe/Berlin"), time=utc)


@pytest.mark.parametrize(
    ("form", "settings"),
    [
        ("%Y-%m-%dT%H:%M:%S", {}),
        ("%Y-%m-%d %H:%M+00:00", {}),
        ("%Y-%m-%d %H:%M UTC", {}),
        ("%d.%m.%Y %H:%M", {"time_format": "%d.%m.%Y %H:%M"}),
        ("%m/%d/%Y %H:%M:%S.000", {"time_format": "%m/%d/%Y %H:%M:%S.%f"}),
        ("%Y%m%d%H", {"time_format": "%Y%m%d%H"}),
        ("%Y%m%d%H%M", {}),
        ("%Y-%m-%d %H:%M", {"timezone": "Europe/Berlin"}),
    ],
)
def test_24_o_clock_is_the_begin_of_the_next_day(
    read: Read, form: str, settings: dict[str, object]
) -> None:
    hours = plain()["time"]
    local = hours
    if zone := settings.get("timezone"):  # a day of 23 hours is among these
        hours = pd.Series(pd.date_range("2024-03-30 20:00", periods=ROWS, freq="h"))
        local = hours.dt.tz_localize("UTC").dt.tz_convert(zone).dt.tz_localize(None)
    days = (local - pd.Timedelta(hours=1)).dt.floor("D")
    ended = days.dt.strftime(form.partition("%H")[0] + "24" + form.partition("%H")[2])
    texts = local.dt.strftime(form).where(local.dt.hour != 0, ended)
    assert texts.str.contains("24:00|2400|24$").any()
    assert same(read(text(time=texts), **settings), time=hours)


def test_hours_from_1_to_24(read: Read) -> None:
    """Each stands for its end."""
    time = plain()["time"] - pd.Timedelta(hours=1)
    hour = time.dt.hour + 1
    day = time.dt.strftime("%Y-%m-%d")
    assert same(read(text(time=day, clock=hour), time_of_day="clock"))
    columns = {"year": time.dt.year, "month": time.dt.month, "day": time.dt.day, "hour": hour}
    frame = plain().drop(columns="time").assign(**columns)
    assert same(read(frame.to_csv(index=False), time=list(columns)))


def test_what_is_beyond_24_o_clock_is_refused(refused: Refused) -> None:
    for bad in ("2024-01-01 24:01", "2024-01-01 25:00", "2024-01-32 24:00"):
        assert f"row 4: '{bad}' is no time" in refused(
            text(time=stamps("%Y-%m-%d %H:%M").where(plain().index != 3, bad))
        )


def test_parts_of_times_that_are_missing_or_none(refused: Refused) -> None:
    frame, wanted = plain().drop(columns="time").assign(**parts(4)), {"time": PARTS[:4]}

    def said(**columns: object) -> str:
        return refused(frame.assign(**columns).to_csv(index=False), **wanted)

    hour = frame["hour"]
    assert ", column 'year/month/day/hour', row 4: the time stamp is missing" in said(
        hour=hour.where(hour.index != 3)
    )
    assert "row 3: '2024-01-01 25' is no time: data.time lists columns of whole numbers" in said(
        hour=hour.where(hour.index != 2, 25)
    )
    assert "row 1: '2024-Jan-01 00' is no time" in said(month="Jan")
    assert ": no columns 'day', 'hour'" in refused("year,month,a,b\n2024,1,1,2\n", **wanted)


def test_a_time_of_day_that_is_missing_or_none(refused: Refused) -> None:
    clock = stamps("%H:%M")
    day = stamps("%Y-%m-%d")
    wanted = {"time_of_day": "clock"}
    assert ", column 'time', row 4: the time stamp is missing" in refused(
        text(time=day, clock=clock.where(clock.index != 3)), **wanted
    )
    assert "row 4: '2024-01-01 noon'" in refused(
        text(time=day, clock=clock.where(clock.index != 3, "noon")), **wanted
    )
    assert ": no column 'clock'" in refused(text(time=day), **wanted)
    assert ": no columns 'time', 'clock'" in refused("a,b\n1,2\n", **wanted)


def berlin(minutes: int) -> tuple[pd.Series, pd.Series]:
    """Return times over the end of summer time in UTC, and local ones without a zone."""
    utc = pd.Series(pd.date_range("2023-10-28 22:00", periods=ROWS, freq=f"{minutes}min", tz="UTC"))
    local = utc.dt.tz_convert("Europe/Berlin").dt.strftime("%Y-%m-%d %H:%M")
    return utc.dt.tz_localize(None), local


@pytest.mark.parametrize("minutes", [60, 30, 15])
@pytest.mark.parametrize("step", [1, -1])
def test_the_hour_that_a_change_of_clocks_repeats(
    read: Read, refused: Refused, minutes: int, step: int
) -> None:
    utc, local = berlin(minutes)
    header, *rows = text(time=local).splitlines()
    content = "\n".join([header, *rows[::step]])
    assert "a change of clocks repeats: set data.timezone" in refused(content)
    assert same(read(content, timezone="Europe/Berlin"), time=utc)


def test_times_of_which_some_name_a_zone(read: Read, refused: Refused) -> None:
    """Those that name none are in UTC, unless others are in another zone."""
    some = stamps("%Y-%m-%d %H:%M")
    some[:9] += "Z"
    assert same(read(text(time=some)))
    some[:9] = stamps("%Y-%m-%d %H:%M+01:00")[:9]
    assert "row 10: '2024-01-01 09:00' names no time zone" in refused(text(time=some))


def test_a_time_zone_that_does_not_fit_is_refused(refused: Refused) -> None:
    times = pd.Series(pd.date_range("2024-03-30", periods=ROWS, freq="h")).astype(str)
    message = refused(text(time=times), timezone="Europe/Berlin")
    assert ", row 27: 2024-03-31 02:00:00 is in Europe/Berlin an hour that" in message


@pytest.mark.parametrize("ending", ["\n", "\r\n", "\r"])
@pytest.mark.parametrize("separator", [",", ";", "\t", "|", " "])
@pytest.mark.parametrize("encoding", ["utf-8", "utf-8-sig", "utf-16", "utf-32"])
def test_endings_separators_and_marks(
    read: Read, ending: str, separator: str, encoding: str
) -> None:
    content = text(separator).replace("\n", ending).encode(encoding)
    assert same(read(content))
    assert same(read(gzip.compress(content), "r.CSV.GZ"))
    assert same(read(content, separator=separator))


def test_a_header_written_twice_with_a_carriage_return(read: Read) -> None:
    assert same(read(text().replace("time,a,b\n", "time,a,b\rtime,a,b\n")))


@pytest.mark.parametrize(
    "above",
    ["# logger v2\n# site 5\n", "sep=,\n", "Station 5\nfrom,to\n\n", "\n\n", "#", "# "],
)
def test_lines_above_the_header(read: Read, above: str) -> None:
    table = read(above + text())
    assert same(table)
    assert bool(table.notes) == above.startswith("Station")


@pytest.mark.parametrize("mark", ["", "\ufeff"])
def test_a_header_that_stands_again_between_the_rows(read: Read, mark: str) -> None:
    """As in files that were joined, or that a logger went on with."""
    header, *rows = text().splitlines()
    content = "\n".join([header, *rows[:9], mark + header, *rows[9:50], mark + header, *rows[50:]])
    table = read(mark + content)
    assert same(table)
    assert table.notes == ("the header stands again between the rows: passed over 2 times",)
    blanks = content.replace(",", " ")
    assert same(read(blanks))


@pytest.mark.parametrize("separator", [",", ";", "\t"])
def test_a_separator_at_the_end_of_each_row(read: Read, refused: Refused, separator: str) -> None:
    header, *rows = text(separator).splitlines()
    content = "\n".join([header, *(row + separator for row in rows)])
    assert same(read(content))
    rows[4] += separator
    assert "row 5 has 4 fields, the header 3" in refused("\n".join([header, *rows]))


def test_rows_whose_first_column_has_no_name(refused: Refused) -> None:
    header, *rows = text().splitlines()
    message = refused("\n".join([header, *(f"{row},{each}" for row, each in enumerate(rows))]))
    assert "row 1 has 4 fields, the header 3: write a name for each column in the header" in message


@pytest.mark.parametrize("name", ["#", '"#"'])
def test_a_column_of_numbers_of_rows(read: Read, name: str) -> None:
    header, *rows = text().splitlines()
    numbered = "\n".join(f"{row},{each}" for row, each in enumerate(rows))
    assert same(read(f"Plot\n{name},{header}\n{numbered}"))
    plain_rows = "\n".join(rows).replace(",", "\t")
    assert same(read("#\t" + header.replace(",", "\t") + "\n" + plain_rows))


def test_comments_between_the_rows(read: Read) -> None:
    lines = text().splitlines()
    lines[9:9] = ["# moved, to, the roof", "#"]
    assert same(read("\n".join(lines)))


def test_a_header_with_line_ends_and_quotes(read: Read) -> None:
    content = text().replace("time,a,b", 'time,"a\n(""C"")",b')
    changes = {"inputs": ['a\n("C")', "b"], "target": "b"}
    assert read(content, **changes).frame["b"].tolist() == plain()["b"].tolist()


def test_other_encodings_need_the_key(read: Read, refused: Refused) -> None:
    content = text().replace("time,a,b", "time,Temp (°C),b")
    changes = {"inputs": ["Temp (°C)", "b"], "target": "b"}
    for encoding in ("latin-1", "cp1252"):
        assert "set data.encoding" in refused(content.encode(encoding), **changes)
        assert len(read(content.encode(encoding), encoding=encoding, **changes).frame) == ROWS
    assert "data.encoding" in refused(text().encode("utf-16-le"))
    assert same(read(text().encode("utf-16-le"), encoding="utf-16-le"))


def commas(column: str) -> list[str]:
    return [f"{value:.2f}".replace(".", ",") for value in plain()[column]]


def test_a_decimal_comma_is_recognised_or_forced(read: Read, refused: Refused) -> None:
    for separator in (";", "\t"):
        assert same(read(text(separator, a=commas("a"), b=commas("b"))))
        assert same(read(text(separator, a=commas("a"))))  # beside a decimal point
    quoted = text(a=commas("a"))
    assert "set data.decimal = ','" in refused(quoted)
    assert same(read(text(a=commas("a"), b=commas("b")), decimal=","))
    assert "is not a number" in refused(quoted, decimal=",")  # b has points


def test_a_decimal_comma_before_three_digits_is_pointed_out(read: Read) -> None:
    values = [f"{20 + row / 1000:.3f}" for row in range(ROWS)]
    table = read(text(";", a=[each.replace(".", ",") for each in values]))
    assert table.frame["a"].tolist() == [float(each) for each in values]
    (note,) = table.notes
    assert "'20,000' is read as 20.000: set data.thousands = ','" in note
    grouped = read(text(";", a=[each.replace(".", ",") for each in values]), thousands=",")
    assert grouped.frame["a"].tolist() == [20000 + row for row in range(ROWS)]


def test_a_point_that_may_separate_thousands_is_pointed_out(read: Read) -> None:
    """As German tables of energy have it: 978, then 1.015."""
    values = 978 + 37 * np.arange(ROWS)
    content = text(";", a=[f"{each:,}".replace(",", ".") for each in values], b=commas("b"))
    table = read(content)
    assert table.frame["a"][:2].tolist() == [978, 1.015]
    (note,) = table.notes
    assert "column 'a': the point in '1.015'" in note and "set data.thousands = '.'" in note
    assert same(read(content, thousands="."), a=values)
    assert not read(text(";", a=[f"{each / 1000:.3f}" for each in values])).notes
    assert not read(text(a=[f"{1 + each / 1000:.3f}" for each in values])).notes


def test_a_field_of_several_numbers_is_no_decimal_comma(refused: Refused) -> None:
    """Values with a flag behind a comma, as +0201,1, have zeros at the begin."""
    flagged = [f"+{each * 10:04.0f},1" for each in plain()["a"]]
    for separator in (",", ";"):
        message = refused(text(separator, a=flagged))
        assert "is not a number" in message and "data.decimal" not in message


def test_a_minus_that_is_no_hyphen(read: Read) -> None:
    below = -plain()["a"]
    assert same(read(text(a=[f"\u2212{-each}" for each in below])), a=below)
    written = [f"\u2212{-each}".replace(".", ",") for each in below]
    assert same(read(text(";", a=written)), a=below)


@pytest.mark.parametrize(
    "form", ["{} °C", "{}%", "${}", '="{}"', "'{}", "{}kWh", "{} (est)", "{}*"]
)
def test_signs_beside_a_number(refused: Refused, form: str) -> None:
    written = plain()["a"].astype(str)
    written[3] = form.format(written[3])
    message = refused(text(a=written))
    assert "row 4: " in message and "write the numbers alone, without units" in message


@pytest.mark.parametrize(
    ("mark", "decimal"), [(",", "."), (".", ","), (" ", ","), ("'", "."), ("\u2019", ".")]
)
def test_thousands_need_the_key(read: Read, refused: Refused, mark: str, decimal: str) -> None:
    large = plain()["a"] * 1e5
    written = [
        f"{each:,.1f}".replace(",", "_").replace(".", decimal).replace("_", mark) for each in large
    ]
    content = text(a=written)
    message = refused(content)
    assert "'" in message and "is not a number: set data.thousands" in message
    keys = {
        "thousands": mark.replace("\u2019", "'"),
        "decimal": decimal if decimal == "," else None,
    }
    content = text(a=written, b=commas("b")) if decimal == "," else content
    assert same(read(content, **keys), a=large.round(1))


def test_no_thousands_begin_with_a_zero(refused: Refused) -> None:
    below = plain()["a"].map("0,{:.0f}00".format)
    message = refused(text(a=below), thousands=",")
    assert "is not a number: set data.decimal = ','" in message


def test_a_row_of_units_needs_the_key(read: Read, refused: Refused) -> None:
    for units in (",degC,%", "UTC,degC,%", "-,-,%"):
        content = text().replace("time,a,b\n", f"time,a,b\n{units}\n")
        assert "set data.skip_rows" in refused(content)
        assert same(read(content, skip_rows=1))
    message = refused(text().replace("time,a,b\n", 'time,a,b\n""x,y\n') + "2025,x,1", skip_rows=1)
    assert f"row {ROWS + 2}: 'x' is not a number" in message


@pytest.mark.parametrize(
    "word",
    [
        *("", "NaN", "nan", "None", "N/A", "#N/A", "null", "NULL", "-", "?", "NA", " n/a "),
        *("#VALUE!", "#REF!", "#NAME?", "#NV", "#NULL!"),
    ],
)
def test_words_for_a_missing_value(read: Read, word: str) -> None:
    written = plain()["a"].astype(str).where(np.arange(ROWS) % 5 != 2, word)
    expected = plain()["a"].where(np.arange(ROWS) % 5 != 2)
    assert same(read(text(a=written)), a=expected)
    rows = [row.split(",") for row in text(a=written).splitlines()]
    ahead = "\n".join(f"{a},{time},{b}" for time, a, b in rows)  # no line is a comment
    assert same(read(ahead), a=expected)


def test_further_missing_values(read: Read, refused: Refused) -> None:
    gone = np.arange(ROWS) % 5 == 2
    written = plain()["a"].astype(str).where(~gone, np.where(np.arange(ROWS) % 2, "void", "-200"))
    expected = plain()["a"].where(~gone)
    assert "'void' is not a number" in refused(text(a=written))
    assert same(read(text(a=written), missing_values=["void", -200]), a=expected)
    stream = io.BytesIO()
    plain().assign(a=expected.fillna(-200)).to_parquet(stream)
    assert same(read(stream.getvalue(), missing_values=[-200]), a=expected)


@pytest.mark.parametrize("words", ["True False", "TRUE FALSE", "on off", "yes no", "true false"])
def test_truth_values_are_0_and_1(read: Read, words: str) -> None:
    yes, no = words.split()
    truth = np.arange(ROWS) % 7 < 3
    assert same(read(text(b=np.where(truth, yes, no))), b=truth.astype(float))
    stream = io.BytesIO()
    plain().assign(b=truth).to_parquet(stream)
    assert same(read(stream.getvalue()), b=truth.astype(float))


def test_a_word_among_truth_values_is_named(read: Read, refused: Refused) -> None:
    truth = np.where(np.arange(ROWS) % 7 < 3, "on", "off").astype(object)
    truth[5] = "unavailable"
    assert "row 6: 'unavailable' is not a number" in refused(text(b=truth))
    assert read(text(b=truth), missing_values=["unavailable"]).frame["b"].sum() == 42


def test_rows_are_sorted_and_that_is_said(read: Read) -> None:
    header, *rows = text().splitlines()
    for order in (rows[::-1], [*rows[50:], *rows[:50]]):
        table = read("\n".join([header, *order]))
        assert same(table)
        assert table.notes == ("the rows are not in order of time: sorted",)
    assert read(text()).notes == ()


def test_rows_layout_with_blank_and_quoted_lines(read: Read) -> None:
    rows = [",".join(plain()[each].astype(str)) for each in "ab"]
    quoted = [",".join(f'"{field}"' for field in row.split(",")) for row in rows]
    changes = {"layout": "rows", "time": None, "inputs": ["0", "1"], "target": "0"}
    for content in ("\n\n".join(rows), "\n".join(quoted), f"{rows[0]}\n\n\n{quoted[1]}\n"):
        table = read(content, **changes)
        assert table.frame["0"].tolist() == plain()["a"].tolist()
        assert table.frame["1"].tolist() == plain()["b"].tolist()
    euro = ";".join(commas("a")) + "\n" + ";".join(commas("b"))
    assert read(euro, **changes).frame["1"].tolist() == plain()["b"].tolist()


@pytest.mark.parametrize(
    ("content", "expected"),
    [
        (b"PK\x03\x04" + bytes(100), "a zip archive or an Excel workbook: export"),
        (b"\xd0\xcf\x11\xe0" + bytes(100), "an Excel workbook"),
        (b"ARROW1\0\0" + bytes(100), "a Feather (Arrow) file"),
        (b"\x89HDF\r\n", "an HDF5"),
        (b"<!DOCTYPE html><html>", "an HTML"),
        (b' {"payload": "QUJD' + b"QUJD" * 50_000, "JSON"),
        (b"[[1, 2]]", "JSON"),
        (b"version https://git-lfs.github.com/spec/v1\noid sha256:4d7a", "a pointer of Git LFS"),
        (b"SQLite format 3\0", "an SQLite database"),
        (gzip.compress(b"PK\x03\x04 packed twice", mtime=0), "a zip archive"),
    ],
)
def test_other_files_are_named(refused: Refused, content: bytes, expected: str) -> None:
    assert refused(content).startswith(f": is no table, but {expected}")


def test_a_nul_is_refused_with_its_line(refused: Refused) -> None:
    lines = text().splitlines()
    lines[61] = lines[61].replace(",", ",\0\0", 1)
    message = refused("\n".join(lines))
    assert message.startswith(", line 62: holds a NUL character, ") and r"\x00\x00" in message


@pytest.mark.parametrize(
    "content",
    ["x" * 140_000 + "\n1\n", "x" * 3_000_000, ",".join(f"c{i}" for i in range(100_000)) + "\n1\n"],
)
def test_huge_headers_are_refused(refused: Refused, content: str) -> None:
    assert len(refused(content)) < 400


def test_a_gzip_bomb_is_refused(refused: Refused) -> None:
    content = gzip.compress(text().encode() + bytes(100 << 20))
    assert "expands to more than 32 MiB, the limit for a gzip file" in refused(content)


def test_parquet_that_claims_too_many_rows_is_refused(refused: Refused) -> None:
    many = pa.array(np.zeros(17_000_000))
    stream = io.BytesIO()
    pq.write_table(pa.table({"a": many}), stream)
    changes = {"time": None, "inputs": ["a"]}
    assert ": claims 17000000 rows in " in refused(stream.getvalue(), **changes)


@pytest.mark.parametrize(
    ("name", "column", "expected"),
    [
        ("time", pa.array([{"a": 1}] * ROWS), ", column 'time': holds values of type struct<a:"),
        (
            "time",
            pa.array([1] * ROWS, pa.timestamp("s", tz="Mars/X")),
            ", column 'time': is in the",
        ),
        ("a", pa.array([b"\xff1"] * ROWS), ", column 'a': holds values of type binary, not numb"),
        ("a", pa.array([[1.0]] * ROWS), ", column 'a': holds values of type list<"),
        ("a", pa.nulls(ROWS), ", column 'a': has no values at all"),
    ],
)
def test_types_of_parquet_that_are_refused(
    refused: Refused, name: str, column: pa.Array, expected: str
) -> None:
    columns = {each: pa.array(plain()[each]) for each in ("time", "a", "b")}
    stream = io.BytesIO()
    pq.write_table(pa.table({**columns, name: column}), stream)
    assert refused(stream.getvalue()).startswith(expected)


def test_damaged_parquet_is_refused(refused: Refused) -> None:
    stream = io.BytesIO()
    plain().to_parquet(stream)
    content = stream.getvalue()
    stream = io.BytesIO()
    pq.write_table(pa.table(plain()).replace_schema_metadata({"pandas": "{\1"}), stream)
    for damaged in (content[:-20], content[:4] + b"\xff" * 200 + content[204:], stream.getvalue()):
        assert refused(damaged).startswith(": not a readable Parquet file")


@pytest.mark.parametrize("value", ["1e308", "-1e300", "2e150"])
def test_readings_beyond_what_can_be_scaled(refused: Refused, value: str) -> None:
    written = plain()["a"].astype(str)
    written[40] = value
    message = refused(text(a=written))
    assert message.startswith(", column 'a', row 41: the value ") and "scaled" in message


def test_a_range_too_small_to_be_scaled(refused: Refused) -> None:
    assert "less than what can be scaled" in refused(text(a=plain()["a"] * 1e-160))


@pytest.mark.parametrize("name", ["unique_id", "Sensor", "deviceId", "station"])
def test_several_series_in_one_table_are_refused(refused: Refused, name: str) -> None:
    frame = plain()
    half = pd.DataFrame({**frame, name: "s1"})
    seamless = half.assign(**{name: "s2"}, time=frame["time"] + pd.Timedelta(f"{ROWS}h"))
    for second in (half.assign(**{name: "s2"}), seamless):
        content = pd.concat([half, second]).to_csv(index=False)
        message = refused(content)
        assert f"column '{name}'" in message
        assert "set data.id = [" in message and "or data.recording = [" in message
    stream = io.BytesIO()
    pd.concat([half, seamless]).to_parquet(stream)
    assert refused(stream.getvalue()).startswith(f": column '{name}' has 2 values")


def test_numbers_that_name_series_are_refused_if_times_repeat(refused: Refused) -> None:
    frame = pd.concat([plain().assign(Store=store) for store in (1, 2, 3)])
    message = refused(frame.to_csv(index=False))
    assert "told apart by column 'Store': set data.id = ['Store'] for" in message
    parts = pd.concat([frame.assign(kind="x"), frame.assign(kind="y")]).drop(columns="b")
    message = refused(parts.to_csv(index=False), inputs=["a"])
    assert "'kind': set data.id = ['Store', 'kind'] for" in message


def test_text_that_repeats_draws_one_line(read: Read) -> None:
    wind, note = (
        np.where(np.arange(ROWS) % 3, "N", "SW"),
        [f"row {row} of all" for row in range(ROWS)],
    )
    frame = plain().assign(wd=wind, note=note, station="Dongsi", holiday="TRUE")
    (remark,) = read(frame.to_csv(index=False)).notes
    assert remark.startswith("column 'wd' not in use: text that repeats")


def test_a_target_of_labels_draws_one_line(read: Read) -> None:
    (note,) = read(text(a=np.arange(ROWS) % 4)).notes
    assert note.startswith("the target 'a' has only 4 different values, all whole")
    assert read(text(a=np.arange(ROWS) % 40)).notes == ()


@pytest.mark.parametrize("value", [-200, -999, 9.97e36, 1e20])
def test_a_value_far_outside_that_recurs_is_pointed_out(read: Read, value: float) -> None:
    gone = np.arange(ROWS) % 9 == 4
    content = text(a=plain()["a"].where(~gone, value))
    (note,) = read(content).notes
    count = int(gone.sum())
    assert f"the value {value:g} recurs far outside of the other readings of 'a' ({count} t" in note
    keys = note.rpartition("= ")[2]
    assert note.endswith(f"set data.missing_values = [{value:g}]")
    table = read(content, missing_values=[float(keys.strip("[]"))])
    assert same(table, a=plain()["a"].where(~gone)) and not table.notes


def test_several_stand_ins_are_named_together(read: Read) -> None:
    values = plain()["a"].where(np.arange(ROWS) % 9 != 4, -999)
    values = values.where(np.arange(ROWS) % 11 != 5, -9999)
    notes = read(text(a=values, b=plain()["b"].where(np.arange(ROWS) % 9 != 4, -999))).notes
    assert len(notes) == 2
    assert all(note.endswith("set data.missing_values = [-9999, -999]") for note in notes)
    assert "'a' (10 times), 'b' (11 times)" in notes[1] or "'a'" in notes[1]


def test_rails_counts_and_single_peaks_are_not_pointed_out(read: Read) -> None:
    random = np.random.default_rng(5)
    rail = np.minimum(np.round(plain()["a"] * 40), 900)
    rain = np.where(random.random(ROWS) < 0.9, 0, np.round(random.exponential(10, ROWS), 1))
    assert read(text(a=rail, b=rain)).notes == ()
    peak = plain()["a"].where(np.arange(ROWS) != 50, 5000)
    assert read(text(a=peak)).notes == ()


def jittered(part: float) -> pd.Series:
    random = np.random.default_rng(11)
    off = random.uniform(-part, part, ROWS) * 120
    times = pd.Timestamp("2024-01-01") + pd.to_timedelta(np.arange(1, ROWS + 1) * 120 + off, "s")
    return pd.Series(times).dt.strftime("%Y-%m-%dT%H:%M:%S.%f")


def test_time_stamps_on_time_within_the_jitter(read: Read, refused: Refused) -> None:
    table = read(text(time=jittered(0.1)))
    assert not table.gaps.any()
    (note,) = table.notes
    assert note.startswith("the interval is taken to be 00:0") and "the median of all steps" in note
    message = refused(text(time=jittered(0.16)))
    assert "of the rows are not on time" in message and "resample" in message
    assert "data.jitter" in message
    assert not read(text(time=jittered(0.16)), jitter=0.17).gaps.any()


def test_one_short_step_does_not_set_the_interval(read: Read) -> None:
    times = pd.Series(pd.to_datetime(jittered(0.03)))
    times[50:] += pd.Timedelta("10s") - (times[50] - times[49])
    table = read(text(time=times.astype(str)))
    assert table.interval is not None and abs(table.interval.total_seconds() - 120) < 2
    assert np.flatnonzero(table.gaps).tolist() == [50]


def test_estimating_looks_at_the_header(tmp_path: Path) -> None:
    long = text() + "not,a,number\n" * 200_000
    for name, content in {
        "r.csv": long.encode(),
        "r.utf16": text().encode("utf-16"),
        "r.gz": gzip.compress(long.encode()),
    }.items():
        (tmp_path / name).write_bytes(content)
        check_columns(config(tmp_path / name))
        with pytest.raises(UserError, match="no column 'c'"):
            check_columns(config(tmp_path / name, inputs=["c"]))
    plain().to_parquet(tmp_path / "r.pq")
    check_columns(config(tmp_path / "r.pq"))
    with pytest.raises(UserError, match="no column 'c'"):
        check_columns(config(tmp_path / "r.pq", target="c"))
    check_columns(config(tmp_path / "absent.csv"))


def test_a_named_pipe_is_read_once(tmp_path: Path) -> None:
    pipe = tmp_path / "pipe"
    os.mkfifo(pipe)
    writer = threading.Thread(target=pipe.write_text, args=(text(),))
    writer.start()
    settings = config(pipe)
    assert same(read_table(settings))
    writer.join()
    assert same(read_table(settings))  # nobody writes a second time


def test_standard_input(tmp_path: Path) -> None:
    program = (
        "from pathlib import Path\n"
        "from narrowcast.config import DataConfig\n"
        "from narrowcast.data import read_table\n"
        "keys = dict(time='time', inputs=['a'], target='b', window=4, lead=1, path=Path('-'))\n"
        "config = DataConfig(**keys)\n"
        "print(len(read_table(config).frame), len(read_table(config).frame))\n"
    )
    command = [sys.executable, "-c", program]
    done = subprocess.run(
        command, input=text(), capture_output=True, text=True, cwd=tmp_path, check=True
    )
    assert done.stdout.split() == [str(ROWS)] * 2


def test_a_device_is_refused() -> None:
    with pytest.raises(UserError, match="is a device, not a file"):
        read_table(config(Path("/dev/zero")))


@pytest.mark.parametrize("seed", range(60))
def test_damaged_and_odd_tables(tmp_path: Path, seed: int) -> None:
    check(tmp_path, np.random.default_rng(seed))


@pytest.mark.parametrize("name", ["FEA1", "PAR1", "ORC", "RDA", "state", "sensor_status"])
def test_headers_that_begin_like_other_files_or_ids(read: Read, name: str) -> None:
    frame = plain().rename(columns={"a": name}).assign(fixed=np.arange(ROWS) % 4)
    frame = frame[[name, "b", "time", "fixed"]].rename(columns={"fixed": f"{name}_level"})
    table = read(frame.to_csv(index=False), inputs=[name, "b"], target=name)
    assert table.frame[name].tolist() == plain()["a"].tolist() and table.notes == ()


def test_several_rows_of_units(read: Read, refused: Refused) -> None:
    content = text().replace("time,a,b\n", "time,a,b\nTS,degC,\n,Avg,Smp\n")
    assert "set data.skip_rows = 2" in refused(content)
    assert same(read(content, skip_rows=2))


def test_quotes_behind_blanks(read: Read) -> None:
    content = text(b=plain()["b"].map('"{}"'.format)).replace('"""', '"').replace(",", ", ")
    assert ', "' in content
    assert same(read(content))


def test_blanks_beside_the_separator(read: Read) -> None:
    assert same(read(text().replace(",", " , ")))
    assert same(read(text(";").replace(";", "; ")))


@pytest.mark.parametrize(
    "form", ["%Y-%m-%d %H:%M:%S UTC", "%Y-%m-%d %H:%M:%S+00", "%Y%m%dT%H%M%SZ", "%Y/%m/%d %H:%M"]
)
def test_forms_of_iso_8601(read: Read, form: str) -> None:
    assert same(read(text(time=stamps(form))))


def test_empty_last_rows_of_a_spreadsheet(read: Read, refused: Refused) -> None:
    assert same(read(text() + ",,\n,,\n"))
    assert "the time stamp is missing" in refused(text() + ",,\n,1,\n")
