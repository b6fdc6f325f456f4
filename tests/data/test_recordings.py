"""Tables of several recordings, in files of every kind, against slow references."""

import tempfile
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pytest
from hypothesis import assume, given, settings
from hypothesis import strategies as st

from narrowcast.config import DataConfig, Stream
from narrowcast.data import Dataset, Table, baselines, make_windows, read_table
from narrowcast.data.baselines import seasons_to_try
from narrowcast.data.parts import PARTS, parts_of_rows
from narrowcast.errors import UserError

CLASSES = ["still", "walk", "run"]
MIXED = ["majority", "last", "drop"]
BY_TIME = {"validation": 0.25, "test": 0.3}
SPLITS: list[dict[str, object]] = [BY_TIME, {"by": "who", **BY_TIME}, {"part": "part"}]


@dataclass(frozen=True)
class Recorded:
    """Rows of several recordings: those of a file, one below the other.

    Attributes:
        frame: The rows, with the row of each in its recording as ``k``.
        keys: Keys of [data] that say how they are read.
        kind: How they are written.
    """

    frame: pd.DataFrame
    keys: dict[str, Any]
    kind: str

    def read(self) -> tuple[DataConfig, Table]:
        """Write the rows to files, and read them."""
        with tempfile.TemporaryDirectory() as folder:
            config = DataConfig.model_validate({**self.keys, "path": write(self, Path(folder))})
            return config, read_table(config)


def write(recorded: Recorded, folder: Path) -> Path:
    """Write the rows to a file, or to a file for each recording, and return what to read."""
    frame = recorded.frame
    match recorded.kind:
        case "text":
            frame.to_csv(folder / "rows.csv", index=False)
            return folder / "rows.csv"
        case "parquet":
            frame.to_parquet(folder / "rows.parquet")
            return folder / "rows.parquet"
    for i, (_, rows) in enumerate(frame.groupby("who", sort=False)):
        rows.to_csv(folder / f"{i}.csv", index=False)
    return folder / "*.csv"


@st.composite
def recordings(draw: st.DrawFn, *, least: int = 4) -> Recorded:
    """Return recordings that overlap in time, with gaps, missing values and missing labels."""
    rng = np.random.default_rng(draw(st.integers(0, 2**32 - 1)))
    timed = draw(st.booleans())
    holes, unlabelled = draw(st.sampled_from([0, 0.05])), draw(st.sampled_from([0, 0.1]))
    pieces = []
    for who in range(draw(st.integers(least, 7))):
        rows = draw(st.integers(12, 40))
        steps = rng.choice([1] * 12 + [draw(st.sampled_from([1, 2, 6]))], rows)
        time = pd.Timestamp("2024-01-01") + pd.to_timedelta(np.cumsum(steps), "min")
        values = rng.normal(size=(rows, 2)).round(3)
        values[rng.random((rows, 2)) < holes] = np.nan
        label = np.repeat(rng.choice(CLASSES, rows), rng.integers(1, 9, rows))[:rows].astype(object)
        label[rng.random(rows) < unlabelled] = None
        pieces.append(
            pd.DataFrame(
                {
                    **{"time": time, "who": f"s{who}", "k": np.arange(rows)},
                    **{"part": PARTS[min(who, 5) % 3], "a": values[:, 0], "b": values[:, 1]},
                    **{"y": values[:, 0] + 1.5, "label": label},
                }
            )
        )
    frame = pd.concat(pieces, ignore_index=True)
    if draw(st.booleans()):  # rows of different recordings between each other
        order = rng.permutation(len(frame))
        if not timed:  # the order of rows is that in time
            order = order[np.argsort(frame["k"].to_numpy()[order], kind="stable")]
        frame = frame.iloc[order].reset_index(drop=True)
    kind = draw(st.sampled_from(["text", "parquet", "files"]))
    keys: dict[str, Any] = {
        "recording": [] if kind == "files" else ["who"],
        "inputs": ["a", "b"],
        "time": "time" if timed else None,
        "window": draw(st.integers(2, 6)),
        "split": draw(st.sampled_from(SPLITS)),
        "missing": draw(st.sampled_from(["drop", "hold", "interpolate", "mask"])),
    }
    if timed and draw(st.booleans()):
        keys["resample"] = draw(st.sampled_from(["1min", "2min", "150s"]))
    return Recorded(frame, keys, kind)


def labelled(recorded: Recorded, **changes: object) -> Recorded:
    """Return the same rows with keys for the labels of windows."""
    keys = {"target": "label", "classes": CLASSES, "lead": 0, **changes}
    return Recorded(recorded.frame, {**recorded.keys, **keys}, recorded.kind)


def cut(recorded: Recorded, **options: Any) -> tuple[DataConfig, Table, Dataset]:
    """Return the windows; rows that make none are no example."""
    try:
        config, table = recorded.read()
        return config, table, make_windows(table, config, **options)
    except UserError:
        assume(False)
        raise


def parts(dataset: Dataset) -> Iterator[tuple[str, Any]]:
    yield from zip(PARTS, (dataset.train, dataset.validation, dataset.test), strict=True)


def label_of(rows: np.ndarray, mixed: str) -> float:
    """Return the number of a window's class from those of its rows, NaN for none."""
    if np.isnan(rows[-1]):
        return np.nan
    known = rows[~np.isnan(rows)].astype(int).tolist()
    if mixed == "drop" and len(set(known)) > 1:
        return np.nan
    if mixed == "majority":
        return float(max(sorted(set(known)), key=known.count))
    return float(rows[-1])


@settings(max_examples=50)
@given(recordings(), st.sampled_from(MIXED), st.integers(1, 5), st.booleans())
def test_windows_agree_with_a_plain_loop(
    recorded: Recorded, mixed: str, stride: int, refit: bool
) -> None:
    config, table, dataset = cut(labelled(recorded, mixed=mixed, stride=stride), refit=refit)
    n = config.window
    assert table.recording is not None and (np.diff(table.recording) >= 0).all()
    label = table.frame["label"].to_numpy()
    most = 0 if config.missing == "drop" else n
    codes = parts_of_rows(table, config.split)
    expected: dict[str, list[tuple[int, float]]] = {name: [] for name in PARTS}
    left: dict[str, int] = dict.fromkeys(("gaps", "missing", "mixed", "straddling"), 0)
    for number in np.unique(table.recording):
        mine = np.flatnonzero(table.recording == number)
        for first in range(mine[0], mine[-1] - n + 2, stride):
            window = np.arange(first, first + n)
            found = label_of(label[window], mixed)
            several = len(np.unique(label[window][~np.isnan(label[window])])) > 1
            if table.gaps[window[1:]].any():
                left["gaps"] += 1
            elif mixed == "drop" and several:
                left["mixed"] += 1
            elif np.isnan(found) or np.isnan(held(table, window, most)).any():
                left["missing"] += 1
            else:
                names = {PARTS[code] for code in codes[window]}
                whole = names == {"training", "validation"} and refit
                left["straddling"] += len(names) > 1 and not whole
                for name in names if len(names) == 1 else ():
                    expected[name].append((window[-1], found))
                if refit and names in ({"validation"}, {"training", "validation"}):
                    expected["training"].append((window[-1], found))
    for name, part in parts(dataset):
        assert list(zip(part.row, part.target[:, 0], strict=True)) == sorted(expected[name])
        assert part.time is None or list(part.time) == list(table.time[part.row])  # type: ignore[index]
    assert left == {
        **{"gaps": dataset.skipped_gaps, "missing": dataset.skipped_missing},
        **{"mixed": dataset.skipped_mixed, "straddling": dataset.skipped_straddling},
    }


def held(table: Table, window: np.ndarray, most: int) -> np.ndarray:
    """Return the readings of a window with the last one of a hole's length at most in each."""
    values = table.frame[["a", "b"]].to_numpy()
    found = values[window].copy()
    for i, row in enumerate(window):
        for column in range(2):
            earlier = row
            while np.isnan(values[earlier, column]) and row - earlier < most:
                if earlier == 0 or table.gaps[earlier]:
                    break
                earlier -= 1
            found[i, column] = values[earlier, column]
    return found


@settings(max_examples=50)
@given(recordings(), st.integers(1, 3), st.booleans())
def test_each_window_has_rows_of_one_recording_and_one_part(
    recorded: Recorded, stride: int, forecast: bool
) -> None:
    changes = {"target": "y", "classes": [], "lead": 1, "outputs": 2} if forecast else {}
    config, table, dataset = cut(labelled(recorded, stride=stride, **changes))
    codes = parts_of_rows(table, config.split)
    assert table.recording is not None
    used: dict[int, str] = {}
    for name, part in parts(dataset):
        for row in part.row.tolist():
            last = row - config.lead
            rows = np.arange(last - config.window + 1, row + config.outputs)
            assert len(set(table.recording[rows])) == len(set(codes[rows])) == 1
            assert not table.gaps[rows[1:]].any()
            for each in rows.tolist():  # overlapping windows are never in two parts
                assert used.setdefault(each, name) == name


@settings(max_examples=40)
@given(recordings(), st.sampled_from(["majority", "last"]))
def test_streams_start_anew_with_each_recording(recorded: Recorded, mixed: str) -> None:
    config, table, dataset = cut(labelled(recorded, mixed=mixed), stream=Stream(2, 7))
    codes = parts_of_rows(table, config.split)
    assert table.recording is not None
    begins = {int(np.flatnonzero(table.recording == each)[0]) for each in set(table.recording)}
    for name, part in parts(dataset):
        assert part.stretches is not None and part.restart[0]
        for row, at in zip(part.row.tolist(), part.at.tolist(), strict=True):
            assert PARTS[codes[row]] == name
            age = at - int(np.flatnonzero(part.restart[: at + 1])[-1])
            begin = max(each for each in begins if each <= row)
            assert age <= row - begin
            if row in begins:
                assert part.restart[at]
                np.testing.assert_array_equal(part.inputs[at, 0], part.inputs[at, 1])
            if name != "training":  # a whole window of the part
                rows = np.arange(row - config.window + 1, row + 1)
                assert set(codes[rows]) == {codes[row]} and len(set(table.recording[rows])) == 1
    _, _, whole = cut(labelled(recorded, mixed=mixed))
    for name, part in parts(whole):
        assert set(part.row) <= set(dict(parts(dataset))[name].row)


@settings(max_examples=40)
@given(recordings(), st.sampled_from(MIXED), st.booleans())
def test_garbage_in_a_later_part_changes_nothing_before(
    recorded: Recorded, mixed: str, forecast: bool
) -> None:
    changes = {"target": "y", "classes": [], "lead": 1, "inputs": ["a", "y"]} if forecast else {}
    recorded = labelled(recorded, mixed="majority" if forecast else mixed, **changes)
    assume(recorded.keys["split"] != BY_TIME)
    config, table, dataset = cut(recorded)
    codes = parts_of_rows(table, config.split)
    test = set(table.source[codes == 2].tolist()) if table.source is not None else set()
    frame = recorded.frame.copy()
    if recorded.kind == "files":  # the rows of a file are numbered in its order
        order = np.concatenate([rows.index for _, rows in frame.groupby("who", sort=False)])
    else:
        order = np.arange(len(frame))
    where = frame["who"].isin(set(frame["who"].iloc[order[sorted(test)]]))
    frame.loc[where, ["a", "b", "y"]] = np.random.default_rng(0).normal(4, 20, (where.sum(), 3))
    if not forecast:
        frame.loc[where, "label"] = CLASSES[2]
    _, other, spoilt = cut(Recorded(frame, recorded.keys, recorded.kind))
    for name in ("train", "validation"):
        one, two = getattr(dataset, name), getattr(spoilt, name)
        for key in ("inputs", "target", "row"):
            np.testing.assert_array_equal(getattr(one, key), getattr(two, key))
    np.testing.assert_array_equal(dataset.input_scaling.scale, spoilt.input_scaling.scale)
    if forecast:
        row = int(dataset.validation.row[0])
        assert seasons_to_try(table, config, row) == seasons_to_try(other, config, row)


@settings(max_examples=40)
@given(recordings(), st.sampled_from(MIXED), st.booleans(), st.integers(0, 3))
def test_a_window_knows_its_recording_only(
    recorded: Recorded, mixed: str, forecast: bool, kept: int
) -> None:
    changes = {"target": "y", "classes": [], "lead": 1, "inputs": ["a", "y"]} if forecast else {}
    recorded = labelled(recorded, mixed="majority" if forecast else mixed, **changes)
    seasons = {"seasons": [4]} if forecast and recorded.keys["missing"] != "mask" else {}
    recorded = labelled(recorded, **(changes | seasons))
    _, table, dataset = cut(recorded)
    frame = recorded.frame.copy()
    others = (frame["who"] != frame["who"].unique()[kept]).to_numpy()
    frame.loc[others, ["a", "b", "y"]] = np.random.default_rng(0).normal(9, 5, (others.sum(), 3))
    frame.loc[others, "label"] = np.random.default_rng(1).choice(CLASSES, others.sum())
    _, _, changed = cut(Recorded(frame, recorded.keys, recorded.kind))
    assert table.recording is not None
    for (_, one), (_, two) in zip(parts(dataset), parts(changed), strict=True):
        mine = [each.row[table.recording[each.row] == kept] for each in (one, two)]
        np.testing.assert_array_equal(*mine)
        arrays = [
            [*each.further, each.inputs, each.target]
            + [values for values in (each.last_known,) if values is not None]
            for each in (one, two)
        ]
        for before, after in zip(*arrays, strict=True):
            kept_rows = before[np.isin(one.row, mine[0])]
            np.testing.assert_array_equal(kept_rows, after[np.isin(two.row, mine[0])])


@settings(max_examples=40)
@given(recordings(), st.sampled_from([[3], ["2min", 5]]))
def test_forecasts_do_not_read_other_recordings(recorded: Recorded, seasons: list[object]) -> None:
    assume(recorded.keys["missing"] != "mask")
    keys: dict[str, object] = {"target": "y", "classes": [], "lead": 1, "inputs": ["a", "y"]}
    if recorded.keys["time"] is None:
        seasons = [3]
    config, table, dataset = cut(labelled(recorded, **keys, seasons=seasons))
    assert table.recording is not None
    values, hold = table.frame["y"].to_numpy(), config.missing != "drop"
    for _, part in parts(dataset):
        assert part.last_known is not None
        for i, last in enumerate((part.row - 1).tolist()):
            if not hold:
                assert part.last_known[i, 0] == values[last]
            for j, earlier in enumerate(dataset.earlier):
                row = row_before(table, last, earlier)
                reading = np.nan if row is None else values[row]
                expected = reading - part.last_known[i, 0]
                assert part.further[0][i, 0, j] == (0.0 if np.isnan(expected) else expected)
    for name, error in baselines(dataset, table, config).items():
        assert error is None or np.isfinite(error.rmse), name


def row_before(table: Table, last: int, earlier: int) -> int | None:
    """Return the row of the same recording that is so many intervals earlier."""
    assert table.recording is not None
    for row in range(last, -1, -1):
        if table.recording[row] != table.recording[last]:
            return None
        if table.time is None or table.interval is None:
            if last - row == earlier:
                return row
        elif table.time[last] - table.time[row] == earlier * table.interval:
            return row
    return None


def test_a_season_is_found_across_recordings() -> None:
    rows = np.arange(60)
    wave = np.concatenate([np.sin(2 * np.pi * (rows + shift) / 12) for shift in range(6)])
    frame = pd.DataFrame({"y": wave, "who": np.repeat([f"s{i}" for i in range(6)], 60)})
    keys = {"inputs": ["y"], "target": "y", "window": 4, "lead": 1, "recording": ["who"]}
    config, table = Recorded(frame, {**keys, "split": {"by": "who"}}, "text").read()
    assert seasons_to_try(table, config, 240) == [12]
    found = baselines(make_windows(table, config), table, config)["seasonal_naive"]
    assert found is not None and found.rmse < 1e-9


@pytest.mark.parametrize("kind", ["text", "parquet"])
def test_numbers_and_truth_values_as_labels(kind: str) -> None:
    rows = np.arange(120)
    values = np.sin(rows)
    for label, classes in ((rows // 20 % 2, ["0", "1"]), (rows % 40 < 20, ["True", "False"])):
        frame = pd.DataFrame({"a": values, "label": label, "who": rows // 30})
        keys = {"inputs": ["a"], "target": "label", "window": 4, "lead": 0, "recording": ["who"]}
        names = classes if kind == "text" else [each.lower() for each in classes]
        _, table = Recorded(frame, {**keys, "classes": names}, kind).read()
        expected = label if classes[0] == "0" else 1 - label.astype(int)
        np.testing.assert_array_equal(table.frame["label"], expected)


def test_labels_that_stand_for_none() -> None:
    rows = np.arange(200)
    frame = pd.DataFrame({"a": np.sin(rows), "label": rows // 10 % 3})
    keys = {"inputs": ["a"], "target": "label", "window": 4, "lead": 0}
    _, table = Recorded(frame, {**keys, "classes": ["2", "1"], "unlabelled": ["0"]}, "text").read()
    expected = np.array([np.nan, 1.0, 0.0])[rows // 10 % 3]
    np.testing.assert_array_equal(table.frame["label"], expected)
    assert not np.isnan(table.frame["a"]).any()


def test_a_bin_has_the_last_label_and_name() -> None:
    time = pd.date_range("2024-01-01", periods=120, freq="min")
    label = np.array(CLASSES)[np.arange(120) // 30 % 2]
    who = np.where(np.arange(120) < 60, "x", "y")
    frame = pd.DataFrame({"time": time, "a": np.arange(120) ** 2, "label": label, "who": who})
    keys = {"inputs": ["a"], "target": "label", "classes": CLASSES[:2], "window": 2, "lead": 0}
    further = {"time": "time", "resample": "7min", "recording": ["who"], "resample_by": "sum"}
    _, table = Recorded(frame, {**keys, **further}, "text").read()
    assert table.time is not None and table.source is not None
    ends = (table.time.tz_localize(None) - time[0]) // pd.Timedelta("1min")
    last = np.minimum(ends, np.where(table.recording, 119, 59))
    np.testing.assert_array_equal(table.frame["label"], last // 30 % 2)
    np.testing.assert_array_equal(table.frame["who"], table.recording)
    np.testing.assert_array_equal(table.source, last)


def test_windows_are_refused_only_where_they_are() -> None:
    rows = np.arange(400)
    frame = pd.DataFrame({"a": np.sin(rows), "label": np.array(CLASSES)[rows // 10 % 2]})
    keys = {"inputs": ["a"], "target": "label", "classes": CLASSES[:2], "window": 10, "lead": 0}
    keys |= {"mixed": "refuse", "stride": 10, "split": {"validation": 0.25, "test": 0.2}}
    recorded = Recorded(frame, keys, "text")
    config, table = recorded.read()
    assert sum(len(part) for _, part in parts(make_windows(table, config))) == 40
    with pytest.raises(UserError) as caught:
        make_windows(table, config.model_copy(update={"stride": 5}))
    assert str(caught.value) == (
        "data.mixed = 'refuse': the window from row 6 to row 15 has the labels 'still' and 'walk' "
        "(39 such windows in all): choose 'majority', 'last' or 'drop'"
    )


def test_classes_without_windows_in_a_part() -> None:
    rows = np.arange(300)
    names = np.array(CLASSES)[np.where(rows < 240, rows // 10 % 3, rows // 10 % 2)]
    frame = pd.DataFrame({"a": np.sin(rows), "label": names})
    keys = {"inputs": ["a"], "target": "label", "classes": CLASSES, "window": 5, "lead": 0}
    config, table = Recorded(frame, keys, "text").read()
    dataset = make_windows(table, config)
    said = dataset.targets.remarks({"test": dataset.test.target})  # type: ignore[union-attr]
    assert said == [
        "no window of the test part has the label 'run', so that its score there says nothing "
        "about it"
    ]
