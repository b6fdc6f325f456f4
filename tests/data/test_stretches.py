"""Stretches of a stream against a plain loop, and against the windows of the same table."""

import numpy as np
import pandas as pd
import pytest
from hypothesis import assume, given, settings
from hypothesis import strategies as st
from test_windows import config, parts, regular, table, tables

from narrowcast.config import DataConfig, Stream
from narrowcast.data import Table, make_windows
from narrowcast.errors import UserError


def plain(table: Table, settings: DataConfig, stream: Stream, last: int) -> np.ndarray:
    """The rows that each inference up to the one in row ``last`` reads, [inferences, kernel]."""
    complete = ~np.isnan(table.frame[settings.inputs].to_numpy()).any(axis=1)
    first = last
    while first > max(0, last - stream.reach) and complete[first - 1] and not table.gaps[first]:
        first -= 1
    rows = [
        [max(first, row - before) for before in range(stream.kernel - 1, -1, -1)]
        for row in range(first, last + 1)
    ]
    return np.array(rows)


@settings(max_examples=40, deadline=None)
@given(tables(), st.integers(2, 5), st.integers(0, 2), st.integers(1, 3), st.integers(1, 3))
def test_agrees_with_a_plain_loop_and_with_windows(
    table: Table, n: int, lead: int, outputs: int, kernel: int
) -> None:
    settings = config(window=n, lead=lead, outputs=outputs)
    stream = Stream(kernel, 2 * (n - 1) + kernel - 1)
    try:
        dataset, windows = make_windows(table, settings, stream), make_windows(table, settings)
    except UserError:
        assume(False)
    values = table.frame[["a", "b"]].to_numpy()
    for part, same in zip(parts(dataset), parts(windows), strict=True):
        assert part.stretches is not None
        begins = np.maximum.accumulate(np.where(part.restart, np.arange(len(part.restart)), 0))
        for i, row in zip(part.at.tolist(), part.row.tolist(), strict=True):
            expected = plain(table, settings, stream, row - lead)
            # Its stretch may be longer, because of earlier targets.
            read = part.inputs[max(begins[i], i - len(expected) + 1) : i + 1]
            np.testing.assert_array_equal(read[:, -1], values[expected[:, -1]])
            np.testing.assert_array_equal(read[kernel - 1 :], values[expected[kernel - 1 :]])
        if part is not dataset.train:
            np.testing.assert_array_equal(part.row, same.row)
            np.testing.assert_array_equal(part.target, same.target)
    full = np.isin(dataset.train.row, windows.train.row)
    assert full.sum() == len(windows.train)
    assert dataset.early >= len(dataset.train) - full.sum()


def test_a_gap_and_a_missing_reading_start_anew() -> None:
    steps, values = np.ones(60, dtype=int), np.arange(180.0).reshape(60, 3)
    steps[20] = 3
    values[30, 0] = np.nan  # an input
    values[35, 2] = np.nan  # a target
    split = {"validation": 0.2, "test": 0.2}
    stream = Stream(kernel=2, reach=3)
    found = make_windows(table(steps, values), config(window=3, split=split), stream)
    train = found.train
    assert np.flatnonzero(train.restart).tolist() == [0, 20, 30]
    assert train.inputs[[0, 1, 20, 30], :, 0].tolist() == [[0, 0], [0, 3], [60, 60], [93, 93]]
    assert 35 not in train.row
    assert train.row[train.at == 33].tolist() == [34]
    assert train.row[train.at == 35].tolist() == [36]  # one inference less, for the missing input
    assert (found.early, found.skipped_missing) == (2 + 2 + 2, 2)


def test_a_part_begins_with_the_readings_that_its_first_forecast_rests_on() -> None:
    settings = config(window=4, lead=1, split={"validation": 0.25, "test": 0.2})
    found = make_windows(regular(50), settings, Stream(kernel=1, reach=6))
    assert found.test.row[0] == 40 + 4  # as that of the first window
    assert found.test.inputs[0, 0, 0] == 3 * (43 - 6)
    assert found.test.at[0] == 6
    assert len(found.test) == len(make_windows(regular(50), settings).test)


def test_values_ahead_that_no_forecast_needs_may_be_missing() -> None:
    frame = regular(60).frame.assign(k=np.where(np.arange(60) % 9 == 0, np.nan, np.arange(60.0)))
    known = Table(None, frame, None)
    settings = config(time=None, window=2, lead=1, known=["k"])
    found = make_windows(known, settings, Stream(kernel=1, reach=1))
    assert all(np.isfinite(part.further[0]).all() for part in parts(found))
    assert not np.isin(found.train.row, np.arange(0, 60, 9)).any()
    ahead = found.train.of_targets(found.train.further[0])[:, 0, 0]
    np.testing.assert_array_equal(ahead, found.train.row)


def test_a_hole_at_the_end_of_an_input_is_bridged_when_it_ends() -> None:
    values = pd.DataFrame({"a": [0.0, 1.0, np.nan, 5.0, *np.arange(40.0)], "y": np.arange(44.0)})
    settings = config(time=None, inputs=["a"], window=2, missing="interpolate", longest_hole=1)
    found = make_windows(Table(None, values, None), settings, Stream(kernel=3, reach=3)).train
    assert found.inputs[:4, :, 0].tolist() == [[0, 0, 0], [0, 0, 1], [0, 1, 1], [1, 3, 5]]


def test_a_stream_needs_a_whole_window_in_each_part() -> None:
    short = table(np.where(np.arange(60) % 4 == 0, 2, 1), np.random.default_rng(0).random((60, 3)))
    with pytest.raises(UserError, match="no complete window of 5 rows"):
        make_windows(short, config(window=5), Stream(1, 4))
