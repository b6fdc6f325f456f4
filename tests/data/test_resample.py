"""Rows grouped to bins, against plain loops and against the resampling of pandas."""

from pathlib import Path

import numpy as np
import pandas as pd
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from reader import Read, reader

from narrowcast.config import DataConfig
from narrowcast.data import make_windows
from narrowcast.data.resample import resampled
from narrowcast.errors import UserError

RULES = ("mean", "sum", "last", "min", "max")


def config(path: Path | None = None, **changes: object) -> DataConfig:
    defaults = {"time": "time", "inputs": ["a", "y"], "target": "y", "window": 3, "lead": 1}
    return DataConfig.model_validate({**defaults, "path": path, "resample": "10min", **changes})


@pytest.fixture
def read(tmp_path: Path) -> Read:
    return reader(tmp_path, config)


def minutes(*, every: int = 1, count: int = 600, start: str = "2024-01-01") -> pd.DataFrame:
    time = pd.date_range(start, periods=count, freq=f"{every}min")
    values = np.random.default_rng(0).normal(20, 5, (count, 2)).round(3)
    return pd.DataFrame({"time": time, "a": values[:, 0], "y": values[:, 1]})


@st.composite
def readings(draw: st.DrawFn) -> tuple[pd.DatetimeIndex, pd.DataFrame]:
    rng = np.random.default_rng(draw(st.integers(0, 2**32 - 1)))
    rows = draw(st.integers(1, 80))
    steps = rng.choice([1, 5, 5, 5, 299, 300, 301, 1800, 20000], rows)
    time = pd.Timestamp("2024-02-28 23:50", tz="UTC") + pd.to_timedelta(np.cumsum(steps), unit="s")
    values = np.where(rng.random((rows, 2)) < 0.3, np.nan, rng.normal(size=(rows, 2)))
    values[0] = 1.0
    return pd.DatetimeIndex(time).as_unit("ns"), pd.DataFrame(values, columns=["a", "y"])


@settings(max_examples=150, deadline=None)
@given(
    readings(), st.sampled_from(["20001s", "10h", "1D", "3D"]), st.sampled_from(RULES), st.data()
)
def test_agrees_with_a_plain_loop(
    table: tuple[pd.DatetimeIndex, pd.DataFrame], period: str, rule: str, data: st.DataObject
) -> None:
    time, frame = table
    other = data.draw(st.sampled_from(RULES))
    chosen = config(resample=period, resample_by={"a": rule, "y": other})
    found_time, found, every = resampled(time, frame, chosen, "table")
    length = pd.Timedelta(period).value
    bins: dict[int, list[int]] = {}
    for row, moment in enumerate(time.asi8):
        bins.setdefault(-(-moment // length) * length, []).append(row)  # the end, rounded upwards
    functions = {
        "mean": np.mean,
        "sum": np.sum,
        "min": np.min,
        "max": np.max,
        "last": lambda x: x[-1],
    }
    expected = {}
    for end, rows in bins.items():
        values = [frame[name].to_numpy()[rows] for name in "ay"]
        known = [each[~np.isnan(each)] for each in values]
        expected[end] = [
            functions[each](x) if len(x) else np.nan
            for each, x in zip((rule, other), known, strict=True)
        ]
    assert found_time.asi8.tolist() == list(expected)
    np.testing.assert_allclose(found, list(expected.values()), rtol=1e-12, atol=1e-12)
    assert every == (found_time.asi8[-1] - found_time.asi8[0]) // length + 1


@settings(max_examples=50, deadline=None)
@given(readings(), st.sampled_from(RULES))
def test_agrees_with_pandas(table: tuple[pd.DatetimeIndex, pd.DataFrame], rule: str) -> None:
    time, frame = table
    found_time, found, _ = resampled(time, frame, config(resample="6h", resample_by=rule), "table")
    bins = frame.set_index(time).resample("6h", closed="right", label="right", origin="epoch")
    expected = (bins.sum(min_count=1) if rule == "sum" else bins.agg(rule))[bins.size() > 0]
    assert list(found_time) == list(expected.index)
    np.testing.assert_allclose(found, expected, rtol=1e-12, atol=1e-12)


def test_a_row_has_what_is_known_at_its_time() -> None:
    time = pd.date_range("2024-01-01", periods=100, freq="min", tz="UTC").as_unit("ns")
    values = np.random.default_rng(0).normal(size=(100, 2))
    frame = pd.DataFrame(values, columns=["a", "y"])
    changed = frame.copy()
    changed.iloc[41:] = 7.0  # from 00:41 on
    (stamps, first, _), (_, second, _) = (
        resampled(time, each, config(), "table") for each in (frame, changed)
    )
    known = stamps <= pd.Timestamp("2024-01-01 00:40", tz="UTC")
    assert known.sum() == 5
    pd.testing.assert_frame_equal(first[known], second[known])
    np.testing.assert_allclose(first.iloc[1], values[1:11].mean(axis=0), rtol=1e-12)


def test_a_table_is_resampled_before_all_else(read: Read) -> None:
    frame = minutes()
    frame.loc[100:130, ["a", "y"]] = np.nan  # the bins of 01:50, 02:00 and 02:10 have no reading
    frame = frame.drop(index=range(300, 340))  # those of 05:10 to 05:30 are empty
    content = frame.to_csv(index=False)
    table = read(content, calendar=["hour"])
    assert table.interval == pd.Timedelta("10min") and table.time is not None
    assert len(table.frame) == 61 - 3 and table.gaps.sum() == 1
    assert table.missing == {"a": 3, "y": 3}
    remark = "560 rows became 61 bins of 10min, of which 3 are empty"
    assert table.notes == (remark,)
    held = read(content, missing="hold", longest_hole="30min", resample_by={"a": "last"})
    assert len(held.frame) == 61 and not held.gaps.any()
    assert held.notes == (remark, "3 rows are missing in gaps of at most 3 rows: added")
    at = held.time.get_loc(pd.Timestamp("2024-01-01 00:20", tz="UTC"))
    assert held.frame["a"][at] == frame["a"][20]
    assert held.frame["y"][at] == pytest.approx(frame["y"][11:21].mean(), rel=1e-12)
    dataset = make_windows(held, config(missing="hold", longest_hole="30min"))
    assert dataset.skipped_gaps == 0


def test_irregular_rows_become_regular(read: Read) -> None:
    rng = np.random.default_rng(1)
    time = pd.Timestamp("2024-01-01") + pd.to_timedelta(np.cumsum(rng.uniform(20, 90, 2000)), "s")
    frame = minutes(count=2000).assign(time=time.strftime("%Y-%m-%dT%H:%M:%S.%f"))
    content = frame.to_csv(index=False)
    with pytest.raises(UserError, match=r"are not on time.* group them .* with data\.resample"):
        read(content, resample=None)
    table = read(content)
    assert not table.gaps.any() and table.notes[0].endswith("of which 0 are empty")


def test_stand_ins_are_found_before_and_labels_after_resampling(read: Read) -> None:
    frame = minutes().assign(y=np.arange(600) % 3)
    frame.loc[[17, 170, 333, 500], "a"] = -999.0
    notes = read(frame.to_csv(index=False)).notes
    assert [each for each in notes if "missing_values = [-999]" in each]
    assert not [each for each in notes if "labels" in each]


def test_a_period_shorter_than_the_interval(read: Read) -> None:
    content = minutes(every=30).to_csv(index=False)
    with pytest.raises(
        UserError,
        match=r"column 'time': data.resample = '10min' is shorter than the interval of 00:30:00: "
        "choose a longer period, or leave it out",
    ):
        read(content)
    assert len(read(content, resample="30min").frame) == 600


def test_a_period_that_leaves_few_bins(read: Read) -> None:
    table = read(minutes().to_csv(index=False), resample="5h")
    with pytest.raises(UserError, match=r"has 3 bins of 5h, but .* or a shorter data.resample"):
        make_windows(table, config(resample="5h"))


def test_the_end_of_time(read: Read) -> None:
    content = minutes(start="2261-12-31").to_csv(index=False)
    with pytest.raises(UserError, match="'5000W' is too long: the last bin ends after 2262"):
        read(content, resample="5000W")


@pytest.mark.parametrize(
    ("changes", "reason"),
    [
        ({"time": None}, "resample needs the name of the time column: set time"),
        ({"interval": "1min"}, "resample = '10min' is the interval of the rows: leave out interva"),
        ({"resample": None, "resample_by": "sum"}, "resample_by needs a period: set resample"),
        (
            {"resample_by": {"b": "sum"}},
            "resample_by names 'b', which is neither an input nor the target",
        ),
    ],
)
def test_impossible_settings(changes: dict[str, object], reason: str) -> None:
    with pytest.raises(ValueError, match=reason):
        config(**changes)
