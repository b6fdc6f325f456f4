"""A first configuration for a table, with comments on what was found and what to choose."""

import json
import math
import os
import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import tomli_w
from numpy.typing import NDArray
from pydantic import ValidationError

from narrowcast.config import Config, DataConfig
from narrowcast.config.load import parse_toml
from narrowcast.config.mistakes import first_mistake
from narrowcast.data.categories import Category
from narrowcast.data.columns import listed, matches_name
from narrowcast.data.draft_labels import Keys, label_keys, may_be_labels
from narrowcast.data.draft_panel import columns_alike, ids_of, static_columns
from narrowcast.data.holes import with_missing_rows
from narrowcast.data.inspection import Found, inspect
from narrowcast.data.interval import find_interval, readable, usual_step
from narrowcast.data.labels import Labels
from narrowcast.data.monitored import largest_quantile
from narrowcast.data.read import read_table
from narrowcast.data.remarks import are_labels
from narrowcast.data.table import Table
from narrowcast.data.windows import make_windows
from narrowcast.errors import UserError, shown
from narrowcast.files import matching_files

_WRITTEN = (
    *(
        "layout",
        "id",
        "series",
        "encoding",
        "separator",
        "decimal",
        "thousands",
        "skip_rows",
        "missing_values",
    ),
    *("time_unit", "time_format", "timezone", "jitter", "recording"),
)
_FORECAST_KEYS = (
    "# Further keys: known (columns known ahead), seasons, resample, holidays,",
    "# relative_inputs (for a series that drifts); see docs/tables.md.",
)
_LABEL_KEYS = (
    "# Further keys: unlabelled (labels that stand for none), split.part (a column that names",
    "# the part of each row), and class_weights in [train] for rare labels; see docs/classify.md.",
)
_DETECT_KEYS = (
    "# Further keys: recording (columns that tell recordings apart), reference (readings relative",
    "# to the first rows of each), split; see docs/detect.md.",
)
_CHANNELS = "channels = 32              # more learn more, and take more memory and time"
_DETECT = (
    "[detect]",
    'method = "auto"            # tries "forecast" and "reconstruct"',
    "rows = 4                   # the newest rows, which are compared",
)
_ANOMALY = re.compile(r".*(anomal|outlier|fault|failure|attack|alarm|abnormal).*", re.IGNORECASE)
_WINDOW = 24
_LEAST_NORMAL = 0.2  # of the rows, before the first anomaly
_TEST = 0.2  # of the rows, by default
_DETECTED, _LEAST_DETECTED = 16, 6  # rows of a detector's window
_ROWS_PER_WINDOW = 12  # at least, so that each part has windows
_MOST_INPUTS = 8
_MOST_MONITORED = 16
_LISTED = 30  # columns that are not in use
_COMMENT = 160  # characters
_REPEATS = 0.2  # autocorrelation of a day
_WEEKLY = 0.05  # by which that of a week is higher
_PERIODS = ("1s", "5s", "10s", "30s", "1min", "5min", "10min", "15min", "30min", "1h", "3h", "6h")
_LONG_PERIODS = ("12h", "1D", "7D", "30D")
_FEW_INTERVALS = 3  # of a period to resample to
_UNITS = {"D": 86400 * 10**9, "h": 3600 * 10**9, "min": 60 * 10**9, "s": 10**9, "ms": 10**6}


@dataclass(frozen=True)
class Draft:
    """A configuration file, and what was found in one line each.

    Attributes:
        text: The file.
        lines: What was found.
    """

    text: str
    lines: tuple[str, ...]


def draft(
    path: Path,
    folder: Path,
    target: str | None = None,
    given: Mapping[str, Any] | None = None,
    task: str = "forecast",
) -> Draft:
    """Return a first configuration for a table, which can be trained as it is.

    Args:
        path: The table, or a pattern of files.
        folder: The folder in which the configuration will be.
        target: The column to forecast, of labels, or of anomalies; None for a guess.
        given: Keys of ``[data]`` on how the file is written, such as ``timezone``.
        task: ``forecast``, ``classify`` to tell the labels of windows, or ``detect`` to tell
            anomalies.

    Raises:
        UserError: The table cannot be read or used for training, or a key is not allowed. The
            message names what helps.
    """
    given = dict(given or {})
    _check_given(given, path)
    of_panel = {key: given[key] for key in ("id", "series") if key in given}
    plain_keys = {key: value for key, value in given.items() if key not in of_panel}
    found = inspect(matching_files(path)[0], plain_keys)
    keys: Keys = {
        key: (value, found.why.get(key, "as stated"))
        for key, value in (*found.settings.items(), *of_panel.items())
    }
    if found.time is not None:
        several = isinstance(found.time, list)
        comment = "the columns of its parts" if several else "the column of time stamps"
        keys["time"] = found.time, comment
    if found.stand_ins and "missing_values" not in given:
        numbers = [int(each) if float(each).is_integer() else each for each in found.stand_ins]
        words, why = keys.get("missing_values", ([], ""))
        comments = [each for each in (why, "they recur far outside of the other readings") if each]
        keys["missing_values"] = [*words, *numbers], ", or ".join(comments)
    if task == "classify":
        return _of_labels(found, path, folder, target, keys)
    if task == "detect":
        return _of_anomalies(found, path, folder, target, keys)
    times, every = _interval(found, keys)
    if "series" in keys:
        return _of_wide_panel(found, path, folder, target, keys)
    stated = keys["id"][0] if "id" in keys else None
    told = ids_of(found, path, [stated] if isinstance(stated, str) else stated)
    if told is not None:
        return _of_long_panel(found, path, folder, target, keys, *told)
    chosen = _target(found, target)
    guess = (
        "as stated" if target is not None else "a guess, the last column of measured values: choose"
    )
    inputs = _inputs(found, chosen)
    rest = [str(name) for name in found.frame if name not in inputs]
    keys["inputs"] = (
        inputs,
        "columns that the forecast rests on"
        + (f"; of {len(found.frame.columns)} the most correlated ones" if rest else ""),
    )
    keys["target"] = chosen, guess
    plain = DataConfig.model_validate(
        {**{key: value for key, (value, _) in keys.items()}, "path": path, "window": 2, "lead": 1}
    )
    table = read_table(plain)
    keys["window"] = _window(table), "rows that each forecast rests on"
    keys["lead"] = 1, "rows from the last one of a window to its first forecast"
    keys["outputs"] = 1, "forecasts of a window, in successive rows"
    if calendar := _calendar(table, chosen):
        keys["calendar"] = calendar, "the target repeats so"
    missing, holes = _missing(table, keys["window"][0])
    keys["missing"] = missing
    values = {key: value for key, (value, _) in keys.items() if value is not None}
    config = Config.model_validate({"data": {**values, "path": path}})
    make_windows(read_table(config.data), config.data, config.stream)  # as train will
    rows = f"{len(table.frame)} rows"
    span = "" if times is None else f" from {times.min().isoformat()} to {times.max().isoformat()}"
    lines = [
        f"rows:      {rows}{span}{f', every {every}' if every else ''}",
        f"columns:   {len(found.frame.columns)} of numbers, {len(found.left_out)} left out",
        f"holes:     {holes}",
        f"target:    {shown(chosen)}" + ("" if target is not None else ", a guess: --target NAME"),
    ]
    if alike := columns_alike(found):
        lines.append(
            f"series:    perhaps the columns {shown(alike)}: --set 'data.series=[\"{alike}\"]'"
        )
    if label := may_be_labels(found, path):
        lines.append(f"labels:    perhaps in {shown(label)}: --task classify --target {label}")
    text = _text(path, folder, keys, [*lines], rest, found.left_out, "forecast")
    _check(text, folder)
    return Draft(text, tuple(lines))


def _of_long_panel(
    found: Found,
    path: Path,
    folder: Path,
    target: str | None,
    keys: Keys,
    ids: list[str],
    series: Category,
) -> Draft:
    """Return a first configuration of the series that some columns tell apart."""
    name = ids[0] if len(ids) == 1 else ids
    keys = {**keys, "id": (name, "what tells series apart")}
    static = static_columns(found, path, series, ids)
    frame = found.frame.drop(columns=[each for each in (*static, *ids) if each in found.frame])
    if frame.empty:
        raise UserError(
            f"{path}: no column of numbers changes within the series that {listed(ids)} tells apart"
        )
    chosen = _target(replace(found, frame=frame), target)
    keys["target"] = chosen, "as stated" if target is not None else "a guess: choose"
    if static:
        keys["static"] = static, "constant in each series; [] stands for numbers"
    rest = [each for each in map(str, frame) if each != chosen]
    others = {each: why for each, why in found.left_out.items() if each not in (*static, *ids)}
    return _of_panel(path, folder, keys, rest, others)


def _of_wide_panel(found: Found, path: Path, folder: Path, target: str | None, keys: Keys) -> Draft:
    """Return a first configuration of the columns that are series."""
    if target in (*map(str, found.frame), *found.left_out):
        raise UserError(
            f"{path}: --target {shown(target)} is a column: where columns are series, choose a new "
            "name, for the values of all of them"
        )
    patterns = keys["series"][0]
    keys["series"] = patterns, "the columns that are series"
    keys["target"] = target or "y", "a name for their values"
    rest = [
        str(name)
        for name in found.frame
        if not any(matches_name(each, str(name)) for each in patterns)
    ]
    return _of_panel(path, folder, keys, rest, found.left_out)


def _of_panel(
    path: Path, folder: Path, keys: Keys, rest: Sequence[str], others: Mapping[str, str]
) -> Draft:
    """Return a first configuration of many series, once it is known what they are."""
    values = {key: value for key, (value, _) in keys.items()}
    table = read_table(DataConfig.model_validate({"path": path, "window": 2, "lead": 1, **values}))
    lengths = np.bincount(table.series_of_rows)
    target = values["target"]
    longest = table.frame[target].to_numpy(np.float64)[table.series_of_rows == lengths.argmax()]
    window = max(2, min(_WINDOW, int(np.median(lengths)) // _ROWS_PER_WINDOW))
    keys["window"] = window, "rows that each forecast rests on"
    keys["lead"] = 1, "rows from the last one of a window to its first forecast"
    keys["outputs"] = 1, "forecasts of a window, in successive rows"
    if calendar := _features(longest, table):
        keys["calendar"] = calendar, "the target repeats so"
    keys["missing"], holes = _missing(table, window)
    values = {key: value for key, (value, _) in keys.items()}
    config = Config.model_validate({"data": {**values, "path": path}})
    make_windows(read_table(config.data), config.data, config.stream)  # as train will
    least, most = lengths.min(), lengths.max()
    several = f"{most}" if least == most else f"{least} to {most}"
    lines = [
        f"series:    {len(table.series)}, of {several} rows",
        f"holes:     {holes}",
        f"target:    {shown(target)}",
    ]
    text = _text(path, folder, keys, lines, rest, others, "forecast")
    _check(text, folder)
    return Draft(text, tuple(lines))


def _of_labels(found: Found, path: Path, folder: Path, target: str | None, keys: Keys) -> Draft:
    """Return a first configuration that tells the labels of windows."""
    target = target or may_be_labels(found, path)
    if target is None:
        raise UserError(f"{path}: which column holds the labels? Name it with --target")
    keys, table, dataset, told = label_keys(found, path, target, keys)
    missing, holes = _missing(_without(table, target), keys["window"][0])
    keys = {"missing": missing, **keys}
    counts = (
        dataset.targets.counts(dataset.train.target) if isinstance(dataset.targets, Labels) else {}
    )
    few = min(counts, key=counts.__getitem__)
    lines = [
        f"rows:      {len(table.frame)}"
        + (f", {table.notes[0]}" if table.recording is not None else ""),
        f"holes:     {holes}",
        *told,
        f"windows:   {len(dataset.train)} for training, of {shown(few)} the fewest, {counts[few]}",
    ]
    used = {*keys["inputs"][0], target, *keys.get("recording", ([], ""))[0]}
    rest = [str(name) for name in found.frame if name not in used]
    others = {name: why for name, why in found.left_out.items() if name not in used}
    text = _text(path, folder, keys, lines, rest, others, "classify")
    _check(text, folder)
    return Draft(text, tuple(lines))


def _of_anomalies(found: Found, path: Path, folder: Path, target: str | None, keys: Keys) -> Draft:
    """Return a first configuration that tells anomalies."""
    _, every = _interval(found, keys)
    names = [str(name) for name in found.frame]
    label = target
    if target is None:
        marked = [name for name in names if _ANOMALY.fullmatch(name)]
        label = next((name for name in marked if _is_flag(found.frame[name])), None)
    else:
        found.check_target(target)
    flags = [name for name in names if _is_flag(found.frame[name]) and name != label]
    inputs = [name for name in names if name != label and name not in flags]
    if not inputs:
        raise UserError(f"{path}: has no column of numbers to tell anomalies by")
    keys["inputs"] = inputs[:_MOST_MONITORED], "columns whose readings are compared"
    if label is not None:
        keys["target"] = label, "1 in rows with an anomaly, for scores only"
    values = {key: value for key, (value, _) in keys.items()}
    fixed = {"target": [], "path": path, "window": 2, "lead": 0, **values}
    table = read_table(DataConfig.model_validate(fixed), anomalies=True)
    keys["window"] = min(_window(table), _DETECTED), "rows that each score rests on"
    if keys["window"][0] < _LEAST_DETECTED:
        raise UserError(
            f"{path}: has {len(table.frame)} rows, but a detector needs at least "
            f"{_LEAST_DETECTED * _ROWS_PER_WINDOW} to learn from"
        )
    missing, holes = _missing(_without(table, label), keys["window"][0])
    keys["missing"] = missing
    chosen = {key: value for key, (value, _) in keys.items()}
    split = {} if label is None else _before_anomalies(table.frame[label].to_numpy())
    if split:
        keys["split.test"] = split["test"], "from shortly before the first anomaly on"
    data = {**chosen, "split": split, "path": path}
    config = Config.model_validate({"task": "detect", "data": data})
    dataset = make_windows(  # as train will
        read_table(config.data, anomalies=True),
        *(config.data, config.stream),
        monitors=config.monitors,
    )
    quantile = min(config.detect.quantile, largest_quantile(len(dataset.validation)))
    comment = "of the scores for validation; or false_alarms_per_day"
    detect = *_DETECT, _line("quantile", float(f"{quantile:.12g}"), comment), ""
    rest = [name for name in names if name not in (*keys["inputs"][0], label)]
    lines = [
        f"rows:      {len(table.frame)}{f', every {every}' if every else ''}",
        f"columns:   {len(keys['inputs'][0])} are compared, {len(rest)} of numbers are not in use",
        f"holes:     {holes}",
        f"anomalies: {'no column says where' if label is None else f'labelled in {shown(label)}'}",
    ]
    text = _text(path, folder, keys, lines, rest, found.left_out, "detect", detect)
    _check(text, folder)
    return Draft(text, tuple(lines))


def _before_anomalies(label: NDArray[np.float64]) -> dict[str, float]:
    """Return a test part that begins before the first anomaly, if enough rows are before it."""
    anomaly = label > 0
    before = int(anomaly.argmax()) if anomaly.any() else 0
    share = math.ceil(100 * (1 - before / len(label))) / 100
    return {"test": share} if _TEST < share <= 1 - _LEAST_NORMAL else {}


def _is_flag(values: pd.Series) -> bool:
    """Return whether a column has no other values than 0 and 1."""
    return bool(values.dropna().isin((0, 1)).all())


def _interval(
    found: Found, keys: dict[str, tuple[Any, str]]
) -> tuple[pd.DatetimeIndex | None, str | None]:
    """Return the time stamps in order and the interval; adds its key, or one to resample."""
    if found.times is None:
        return None, None
    times = found.times.sort_values().drop_duplicates()
    if len(times) < 2 or "resample" in keys or "interval" in keys:
        return times, None
    usual, common = usual_step(times)
    try:
        interval, _ = find_interval(times, None, 0.1, str(found.path))
    except UserError:
        interval, common = None, False
    text = _step(usual)
    if interval is not None and common and text is not None:
        keys["interval"] = text, "any other step is a gap"
        return times, text
    longer = [each for each in (*_PERIODS, *_LONG_PERIODS) if pd.Timedelta(each) >= usual]
    if interval is None and longer:
        few = usual * _FEW_INTERVALS
        period = next((each for each in longer if pd.Timedelta(each) >= few), longer[-1])
        keys["resample"] = period, f"steps are irregular, mostly {readable(usual)}: grouped"
        return times, period
    return times, readable(usual)


def _step(step: pd.Timedelta) -> str | None:
    """Return a step in the notation of the configuration; None if it has none."""
    value = step.as_unit("ns").value
    for unit, size in _UNITS.items():
        if value % size == 0:
            return f"{value // size}{unit}"
    return None


def _target(found: Found, target: str | None) -> str:
    names = [str(name) for name in found.frame]
    if target is None:
        measured = [name for name in names if not are_labels(found.frame[name].to_numpy())]
        return (measured or names)[-1]
    found.check_target(target)
    if target in found.left_out:
        raise UserError(f"{found.path}: column {shown(target)}: {found.left_out[target]}")
    return target


def _inputs(found: Found, target: str) -> list[str]:
    """Return the target and the columns most correlated with it, in the order of the file."""
    frame = found.frame
    related = frame.corrwith(frame[target]).abs().fillna(0.0).drop(target)
    best = {target, *related.sort_values(ascending=False).index[: _MOST_INPUTS - 1]}
    return [str(name) for name in frame if name in best]


def _window(table: Table) -> int:
    return max(2, min(_WINDOW, len(table.frame) // _ROWS_PER_WINDOW))


def _calendar(table: Table, target: str) -> list[str]:
    """Return the calendar features with which the target repeats."""
    return _features(table.frame[target].to_numpy(np.float64), table)


def _features(values: NDArray[np.float64], table: Table) -> list[str]:
    """Return the calendar features with which values, in successive rows of a table, repeat."""
    if table.time is None or table.interval is None:
        return []
    day, week = (round(pd.Timedelta(days, "D") / table.interval) for days in (1, 7))
    daily, weekly = _correlation(values, day), _correlation(values, week)
    features = []
    if day >= 4 and daily > _REPEATS:
        features.append("hour")
    if week >= 7 and len(values) > 4 * week and weekly > max(_REPEATS, daily + _WEEKLY):
        features.append("weekday")
    return features


def _correlation(values: NDArray[np.float64], lag: int) -> float:
    """Return the autocorrelation of values, 0 without several periods."""
    if lag < 1 or len(values) < 3 * lag:
        return 0.0
    a, b = values[lag:], values[:-lag]
    both = ~np.isnan(a) & ~np.isnan(b)
    if both.sum() < 3 or a[both].std() == 0 or b[both].std() == 0:
        return 0.0
    return float(np.corrcoef(a[both], b[both])[0, 1])


def _without(table: Table, label: str | None) -> Table:
    """Return a table without the labels, whose holes are no holes in the readings."""
    return table if label is None else replace(table, frame=table.frame.drop(columns=label))


def _missing(table: Table, window: int) -> tuple[tuple[str, str], str]:
    """Return what to do with holes, with its comment, and a line on them."""
    values = int(table.frame.isna().to_numpy().sum())
    gaps = int((table.gaps & ~table.begins).sum())
    frame = table.frame
    if table.time is not None and table.interval is not None and gaps:
        _, frame = with_missing_rows(table.time, frame, table.interval, table.jitter, window)
    added = len(frame) - len(table.frame)
    line = f"{values} missing values, {gaps} gaps in time"
    if added:
        line += f", of which short ones miss {added} rows"
    empty = frame.isna().any(axis=1).to_numpy()
    ends = np.flatnonzero(np.diff(np.concatenate(([False], empty, [False])).astype(int)))
    lengths = ends[1::2] - ends[::2]
    if len(lengths) and np.median(lengths) <= window:
        usual = int(np.median(lengths))
        return ("hold", f"holes are short, mostly {usual} row{'s'[: usual > 1]}"), line
    return ("drop", "no holes" if not len(lengths) else "holes are long"), line


def _text(
    path: Path,
    folder: Path,
    keys: Keys,
    lines: Sequence[str],
    rest: Sequence[str],
    left_out: Mapping[str, str],
    task: str,
    detect: Sequence[str] = (),
) -> str:
    """Return the configuration file; ``detect`` are the lines of its section of this name."""
    order = [key for key in (*DataConfig.model_fields, "split.by", "split.test") if key in keys]
    further = {"forecast": _FORECAST_KEYS, "classify": _LABEL_KEYS, "detect": _DETECT_KEYS}
    body = [_line("path", os.path.relpath(path.resolve(), folder.resolve()), "")]
    body += [_line(key, *keys[key]) for key in order]
    others = [
        *map(shown, rest),
        *(f"{shown(name)}: {why.split(': correct it')[0]}" for name, why in left_out.items()),
    ]
    notes = [f"# not in use: {_printable(each)}" for each in others[:_LISTED]]
    if len(others) > len(notes):
        notes.append(f"# and {len(others) - len(notes)} more")
    return "\n".join(
        [
            f"# A first configuration for {shown(path.name)}, by 'narrowcast init'.",
            *(f"# {_printable(line)}" for line in lines),
            "",
            *([] if task == "forecast" else [f'task = "{task}"', ""]),
            "[data]",
            *body,
            *notes,
            *further[task],
            "",
            "[model]",
            *(() if task == "detect" else (_CHANNELS,)),  # as many as suit the inputs
            "layers = 1",
            "",
            *detect,
            "[quantization]",
            "bits = 8                   # of weights, keys and values: 2 to 8",
            "",
            "[train]",
            "epochs = 30                # in floating point",
            "",
            "[hardware]",
            'device = "xc7s15"          # narrowcast estimate shows what others would take',
            "",
        ]
    )


def _line(key: str, value: object, comment: str) -> str:
    if isinstance(value, dict):  # on one line
        pairs = (_line(json.dumps(name), each, "").rstrip() for name, each in value.items())
        return f"{key} = {{ {', '.join(pairs)} }} # {_printable(comment)}"
    every = value if isinstance(value, list) else [value]
    texts = [tomli_w.dumps({"x": each}).strip().removeprefix("x = ") for each in every]
    text = f"{key} = [{', '.join(texts)}]" if isinstance(value, list) else f"{key} = {texts[0]}"
    return f"{text:<26} # {_printable(comment)}" if comment else text


def _printable(text: str) -> str:
    """Return a text from outside as a comment."""
    line = "".join(each if each.isprintable() else " " for each in text)
    return line if len(line) <= _COMMENT else f"{line[: _COMMENT - 3]}..."


def _check_given(given: Mapping[str, Any], path: Path) -> None:
    """Refuse keys that do not say how the file is written, and values that are not allowed."""
    for key in given:
        if key not in _WRITTEN:
            raise UserError(
                f"data.{key} does not say how a file is written: set it in the configuration, "
                "once that is there"
            )
    fixed = {"inputs": ["x"], "target": "x", "window": 2, "lead": 1}
    time = None if given.get("layout") == "rows" else "time"
    try:
        Config.model_validate({"data": {**fixed, "time": time, **given}})
    except ValidationError as error:
        overrides = {f"data.{key}": f"data.{key}={value}" for key, value in given.items()}
        raise UserError(first_mistake(error, Config, path, overrides)) from None


def _check(text: str, folder: Path) -> None:
    """Check that the file is what was decided on."""
    values = parse_toml(text)
    values["data"]["path"] = folder / values["data"]["path"]
    Config.model_validate(values)
