"""No value from the first target of a part on affects what is decided in an earlier part."""

import tempfile
from pathlib import Path

import numpy as np
import pandas as pd
from hypothesis import assume, given, settings
from hypothesis import strategies as st

from narrowcast.config import DataConfig
from narrowcast.data import Dataset, Table, make_windows, read_table
from narrowcast.data.baselines import seasons_to_try
from narrowcast.data.views import Windows
from narrowcast.errors import UserError

GARBAGE = {
    "random": lambda rng, shape: rng.normal(3, 40, shape),
    "huge": lambda _, shape: np.full(shape, 1e9),
    "some missing": lambda rng, shape: np.where(rng.random(shape) < 0.3, np.nan, 1.0),
    "all missing": lambda _, shape: np.full(shape, np.nan),
}
SPLITS = (
    {"validation": 0.3, "test": 0.3},
    {"validation": "2024-01-03T07:20", "test": "2024-01-05T01:40"},
)


@st.composite
def files(draw: st.DrawFn) -> pd.DataFrame:
    """Return hourly rows, of which some are missing, as some readings are."""
    rng = np.random.default_rng(draw(st.integers(0, 2**32 - 1)))
    rows = draw(st.integers(160, 300))
    steps = rng.choice([1] * 40 + [draw(st.sampled_from([1, 2, 5]))], rows)
    time = pd.Timestamp("2024-01-01") + pd.to_timedelta(np.cumsum(steps), "h")
    values = rng.normal(size=(rows, 3))
    for column, most in enumerate((0.3, 0.02, 0.02)):
        share = draw(st.sampled_from([0, most, most]))
        values[rng.random(rows) < share, column] = np.nan
    values[-1] = 1.0  # what is known ahead has to be so up to the last target
    return pd.DataFrame({"time": time, **dict(zip("aby", values.T, strict=True))})


@st.composite
def configurations(draw: st.DrawFn) -> dict[str, object]:
    """Return keys of [data] that say how windows are made."""
    lead = draw(st.integers(0, 12))
    inputs = ["a", "y"] if lead and draw(st.booleans()) else ["a", "b"]
    keys: dict[str, object] = {
        **{"time": "time", "inputs": inputs, "target": "y", "lead": lead},
        "window": draw(st.integers(2, 6)),
        "outputs": draw(st.integers(1, 24)),
        "scaling": draw(st.sampled_from(["min-max", "standard"])),
        "calendar": draw(st.sampled_from([[], ["hour"], ["weekday", "month"]])),
        "missing": draw(st.sampled_from(["drop", "hold", "mask", "interpolate", "interpolate"])),
        "known": draw(st.sampled_from([[], ["b"]])),
        "split": draw(st.sampled_from(SPLITS)),
    }
    if keys["missing"] != "drop":
        keys["longest_hole"] = draw(st.sampled_from([None, 1, 8, "4h"]))
    if "y" in inputs:
        keys["seasons"] = draw(st.sampled_from([None, [], [5], ["6h", "1D"]]))
        if keys["missing"] != "mask":
            keys["relative_inputs"] = draw(st.sampled_from([[], ["y"], ["a", "y"]]))
    if draw(st.booleans()):
        keys["resample"] = draw(st.sampled_from(["1h", "2h", "150min"]))
        keys["resample_by"] = draw(st.sampled_from(["mean", "last", {"y": "sum", "a": "max"}]))
    return keys


def read(frame: pd.DataFrame, keys: dict[str, object]) -> tuple[DataConfig, Table, Dataset]:
    """Write rows to a file, and read windows from it."""
    with tempfile.TemporaryDirectory() as folder:
        config = DataConfig.model_validate({"path": Path(folder) / "rows.parquet", **keys})
        assert config.path is not None
        frame.to_parquet(config.path)
        table = read_table(config)
    return config, table, make_windows(table, config)


def same(one: object, other: object) -> None:
    """Check that two parts, scalings or arrays are the same, byte for byte."""
    if isinstance(one, tuple) and isinstance(other, tuple):
        for pair in zip(one, other, strict=True):
            same(*pair)
    elif isinstance(one, np.ndarray) and isinstance(other, np.ndarray):
        assert (one.shape, one.tobytes()) == (other.shape, other.tobytes())
    elif isinstance(one, pd.DatetimeIndex) and isinstance(other, pd.DatetimeIndex):
        assert one.equals(other)
    elif isinstance(one, Windows) and isinstance(other, Windows):
        same(one[:], other[:])
    elif one is None or isinstance(one, int):
        assert one == other
    else:
        for name, value in vars(one).items():
            same(value, getattr(other, name))


def spoilt(
    frame: pd.DataFrame, config: DataConfig, end: pd.Timestamp, garbage: str
) -> pd.DataFrame:
    """Return rows with garbage where they are not known at a time, that of a row of the table."""
    later = (frame["time"] > end.tz_localize(None)).to_numpy()
    values = frame.set_index("time")
    values[later] = GARBAGE[garbage](np.random.default_rng(0), (later.sum(), len("aby")))
    if config.known:
        values.iloc[-1] = 1.0  # they have to be known up to the last target
    return values.reset_index()


@settings(max_examples=75)
@given(files(), configurations(), st.sampled_from([*GARBAGE]))
def test_garbage_in_a_later_part_changes_nothing_in_an_earlier_one(
    frame: pd.DataFrame, keys: dict[str, object], garbage: str
) -> None:
    try:
        config, table, clean = read(frame, keys)
    except UserError:
        assume(False)
    fitted = "train", "earlier", "held", "input_scaling", "further_scaling", "target_scaling"
    refit = make_windows(table, config, refit=True)
    for name, decided in (("validation", fitted), ("test", (*fitted, "validation"))):
        first = getattr(clean, name).row[0]
        assert table.time is not None and table.interval is not None
        end = table.time[first] - table.interval
        try:
            _, other, windows = read(spoilt(frame, config, end, garbage), keys)
        except UserError:
            continue
        for each in decided:
            same(getattr(clean, each), getattr(windows, each))
        if name == "test":
            again = make_windows(other, config, refit=True)
            for each in fitted:
                same(getattr(refit, each), getattr(again, each))
        assert seasons_to_try(table, config, first) == seasons_to_try(other, config, first)


@settings(max_examples=50)
@given(files(), configurations(), st.lists(st.floats(0.3, 0.99), min_size=4, max_size=4))
def test_a_window_knows_its_past_only(
    frame: pd.DataFrame, keys: dict[str, object], cuts: list[float]
) -> None:
    try:
        config, table, clean = read(frame, keys)
    except UserError:
        assume(False)
    assert table.time is not None
    for cut, garbage in zip(cuts, GARBAGE, strict=True):
        last = int(cut * len(table.time))
        try:
            _, _, windows = read(spoilt(frame, config, table.time[last], garbage), keys)
        except UserError:
            continue
        before, after = (knowledge(each, config.lead, last) for each in (clean, windows))
        for row in before.keys() & after.keys():
            same(before[row], after[row])


def knowledge(dataset: Dataset, lead: int, last: int) -> dict[int, tuple[object, ...]]:
    """Return what each window knows of the past, by its last row, up to row ``last``."""
    found: dict[int, tuple[object, ...]] = {}
    for part in (dataset.train, dataset.validation, dataset.test):
        seasons = part.further[: 1 if dataset.earlier else 0]
        arrays = (part.inputs, *seasons, *([] if part.last_known is None else [part.last_known]))
        for i, row in enumerate((part.row - lead).tolist()):
            if row <= last:
                found[row] = tuple(np.array(each[i]) for each in arrays)
    return found
