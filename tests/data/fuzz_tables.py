"""Reads damaged and odd tables and cuts windows: each must be read, or refused in one line.

python tests/data/fuzz_tables.py --count 5000 --seed 0
"""

import argparse
import gzip
import io
import resource
import string
import sys
import tempfile
import time
import warnings
from collections import Counter
from pathlib import Path

import numpy as np
import pandas as pd
import pyarrow as pa
import pyarrow.parquet as pq

from narrowcast.config import DataConfig
from narrowcast.data import Dataset, Table, make_windows, read_table
from narrowcast.errors import UserError

Random = np.random.Generator
LONGEST_SECONDS = 10.0  # of processor time, which does not depend on the machine's load
LONGEST_LINE = 420

_FIELDS = [
    *("", "NA", "nan", "inf", "-inf", "1e999", "1e308", "-1e-320", "true", "off", "1,5", "1.234,5"),
    *("20,04", "1 000", "-", "?", "#N/A", '"', '""', '"a', "a\nb", "\0", "\ufeff", "\u2028", "é"),
    *("1_000", "0x10", "1e", "+", ".", "٣", "-200", "9.97e36", "None", "2024", "20240101"),
    *("1704067200", "1704067200000", "45292.5", "2024-01-01", "2024-13-01", "9999-12-31T23:59"),
    *("0000-00-00", "1600-01-01", "2024-01-01T00:00:00+99:00", "99999999999999999999", "s1"),
]
_KEYS: dict[str, list[object]] = {
    "time_unit": ["s", "ms", "us", "ns"],
    "time_format": ["%d.%m.%Y %H:%M", "%Y%m%d", "excel", "%H:%M", "%Y-%m-%dT%H:%M:%S%z"],
    "timezone": ["Europe/Berlin", "America/St_Johns", "UTC"],
    "decimal": [".", ","],
    "thousands": [",", ".", " ", "'"],
    "separator": [",", ";", "\t", "|", " ", "/"],
    "skip_rows": [1, 3, 1000],
    "encoding": ["latin-1", "utf-16", "utf-16-le", "cp1252", "shift_jis", "utf-7", "utf-8-sig"],
    "missing_values": [[-200], ["void", 1.5], ["-200"]],
    "jitter": [0.0, 0.24],
    "interval": ["1h", "1ms", "5000W"],
    "resample": ["3h", "1ms", "5000W"],
    "resample_by": ["sum", {"a": "last", "y": "max"}],
    "missing": ["hold", "mask", "interpolate"],
    "longest_hole": [1, 10**7, "3h", "5000W"],
    "calendar": [["hour"], ["month", "weekday"]],
    "seasons": [["6h"], [2, "1ms"], ["5000W"], [10**7]],
    "known": [["b"], ["a"], ["id"]],
    "relative_inputs": [["a"]],
    "outputs": [3, 40],
    "lead": [0, 5, 10**6],
    "split": [
        *({"test": 0.5}, {"test": "2024-01-02"}, {"validation": "1600-01-01"}),
        *({"by": "who"}, {"by": "label", "test": 0.9}, {"by": "id"}, {"part": "who"}),
    ],
    "recording": [["who"], ["who", "label"], ["id"], ["label"], ["a"]],
    "stride": [2, 50, 4096],
    "mixed": ["last", "drop", "refuse"],
    "unlabelled": [["s1"], ["x"]],
}
_LABELS: dict[str, object] = {"target": "label", "lead": 0, "seasons": None, "known": []}


def _frame(random: Random, rows: int) -> pd.DataFrame:
    times = pd.date_range("2024-01-01", periods=rows, freq="h")
    values = np.round(random.normal(20, 5, (rows, 3)), 2)
    size = int(random.integers(1, 20))
    who = np.array(["s1", "s2", "train", "test", "validation"])[np.arange(rows) // size % 5]
    label = random.choice(["x", "y", "3"], rows)
    named = {"who": who, "label": label}
    return pd.DataFrame({"time": times, **dict(zip("aby", values.T, strict=True)), **named})


def _times(random: Random, times: pd.Series) -> list[str]:
    form = random.integers(0, 7) if random.random() < 0.6 else 3
    if form < 3:
        scale = int(10 ** (3 * form))
        return [str(each * scale) for each in times.astype("datetime64[s]").astype(np.int64)]
    forms = ["%Y-%m-%dT%H:%M:%SZ", "%Y%m%d%H%M", "%d.%m.%Y %H:%M", "%m/%d/%Y %I:%M %p"]
    return times.dt.strftime(forms[form - 3]).tolist()


def _text(random: Random) -> bytes:
    """Return a table as CSV in some dialect, with some odd fields."""
    frame = _frame(random, int(random.integers(1, 60)))
    separator = str(random.choice(list(",;\t| ")))
    names = ["a", "b", "y", "who", "label"]
    columns = [_times(random, frame["time"]), *(frame[each].astype(str).tolist() for each in names)]
    rows = [["time", *names], *map(list, zip(*columns, strict=True))]
    for _ in range(random.integers(0, 3) if random.random() < 0.6 else 0):
        row = rows[random.integers(len(rows))]
        row[random.integers(len(row))] = str(random.choice(_FIELDS))
    if random.random() < 0.1:
        row = rows[random.integers(len(rows))]
        del row[random.integers(len(row)) :]
    lines = [separator.join(row) for row in rows]
    if random.random() < 0.3:
        odd = ["", "# a comment", "sep=;", "a,b", separator * 3, lines[0], "x" * 200_000, "\x1b[2J"]
        lines.insert(int(random.integers(len(lines))), str(random.choice(odd)))
    text = str(random.choice(["\n", "\r\n", "\r"])).join(lines)
    others = ["utf-8-sig", "utf-16", "utf-16-le", "utf-32", "cp1252"]
    encoding = str(random.choice(others)) if random.random() < 0.3 else "utf-8"
    return text.encode(encoding, errors="replace")


def _parquet(random: Random) -> bytes:
    """Return a table as Parquet, with columns of odd types."""
    frame = _frame(random, int(random.integers(1, 60)))
    columns: dict[str, pa.Array] = {name: pa.array(frame[name]) for name in frame}
    count = len(frame)
    odd = [
        pa.array(_times(random, frame["time"])),
        pa.array(["on", None, "1"] * count)[:count],
        pa.array([b"\xff"] * count),
        pa.array([[1.0]] * count),
        pa.array([{"a": 1}] * count),
        pa.array([True, False] * count)[:count],
        pa.nulls(count),
        pa.array(range(count), pa.uint64()),
        pa.array(range(count), pa.duration("s")),
        pa.array(range(count), pa.time32("s")),
        pa.array(range(count), pa.date32()),
        pa.array(range(count), pa.timestamp("us", tz="+05:30")),
        pa.array(range(count), pa.decimal128(20, 2)),
        pa.array(["s1", "s2"] * count)[:count].dictionary_encode(),
    ]
    for _ in range(random.integers(0, 3)):
        name = str(random.choice(["time", "a", "b", "y", "id", "note", "who", "label"]))
        columns[name] = odd[random.integers(len(odd))]
    stream = io.BytesIO()
    pq.write_table(pa.table(columns), stream)
    return stream.getvalue()


def _mutated(random: Random, content: bytes) -> bytes:
    data = bytearray(content)
    for _ in range(random.integers(0, 6)):
        if not data:
            break
        start = int(random.integers(len(data)))
        match random.integers(0, 5):
            case 0:
                data[start] ^= 1 << int(random.integers(8))
            case 1:
                data[start : start + int(random.integers(1, 9))] = random.bytes(4)
            case 2:
                del data[start : start + int(random.integers(1, 200))]
            case 3:
                data[start:start] = data[start : start + int(random.integers(1, 2000))]
            case _ if random.random() < 0.2:
                del data[start:]
    return bytes(data)


def example(random: Random) -> tuple[bytes, dict[str, object]]:
    """Return the content of a file, and keys of [data]."""
    content = _parquet(random) if random.random() < 0.35 else _text(random)
    if random.random() < 0.4:
        content = _mutated(random, content)
    if random.random() < 0.15:
        content = gzip.compress(content, mtime=0)
        content = _mutated(random, content) if random.random() < 0.5 else content
    if random.random() < 0.05:
        letters = np.array(list(string.printable))
        content = "".join(random.choice(letters, 500)).encode()
    keys: dict[str, object] = {}
    for _ in range(random.integers(0, 5)):
        key = str(random.choice(list(_KEYS)))
        keys[key] = _KEYS[key][random.integers(len(_KEYS[key]))]
    if random.random() < 0.3:
        classes: list[list[str]] = [["x", "y", "3"], ["y", "3"], ["x", "absent"]]
        keys |= {**_LABELS, "classes": classes[random.integers(3)]}
    if random.random() < 0.15:
        keys |= {"time": None, "layout": "rows", "inputs": ["0"], "target": "1"}
    elif random.random() < 0.2:
        keys |= {"time": None}
    return content, keys


def check(folder: Path, random: Random) -> str:
    """Read one example, and return what became of it.

    Raises:
        AssertionError: It was neither read properly nor refused properly, or took too long.
    """
    content, keys = example(random)
    for old in folder.iterdir():
        old.unlink()
    path = folder / "table"
    path.write_bytes(content)
    if random.random() < 0.15:
        second = content if random.random() < 0.6 else example(random)[0]
        (folder / "table2").write_bytes(second)
        path = folder / "table*"
    base = {"time": "time", "inputs": ["a", "y"], "target": "y", "window": 2, "lead": 1}
    try:
        config = DataConfig.model_validate({**base, "path": path, **keys})
    except ValueError:
        return "configuration refused"
    start = time.process_time()
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("error")
            table = read_table(config)
            _check_table(table)
            _check_windows(make_windows(table, config))
    except UserError as error:
        line, cause = str(error), error.__cause__
        # What a library says of damaged input is passed on; an error of this package is not.
        assert cause is None or isinstance(cause, (pa.ArrowException, ValueError)), repr(cause)
        assert line.isprintable(), line
        assert len(line) < LONGEST_LINE + len(str(path)), line
        return "refused"
    finally:
        assert time.process_time() - start < LONGEST_SECONDS
    return "read"


def _check_table(table: Table) -> None:
    values = table.frame.to_numpy()
    assert not np.isinf(values).any()
    assert (np.abs(values[~np.isnan(values)]) <= 1e150).all()
    if table.time is not None:
        assert (np.diff(table.time.asi8)[~table.begins[1:]] > 0).all()
    assert len(table.gaps) == len(table.frame)
    assert all(note.isprintable() for note in table.notes), table.notes


def _check_windows(dataset: Dataset) -> None:
    for part in (dataset.train, dataset.validation, dataset.test):
        assert all(np.isfinite(each).all() for each in (part.inputs, part.target, *part.further))


def main() -> int:
    """Check ``--count`` examples; print each that fails with its seed, and the memory taken."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--count", type=int, default=5000)
    parser.add_argument("--seed", type=int, default=0)
    options = parser.parse_args()
    outcomes: Counter[str] = Counter()
    before = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    with tempfile.TemporaryDirectory() as folder:
        for seed in range(options.seed, options.seed + options.count):
            try:
                outcomes[check(Path(folder), np.random.default_rng(seed))] += 1
            except Exception as error:
                outcomes["failed"] += 1
                print(f"seed {seed}: {type(error).__name__}: {str(error)[:300]!r}")
    grown = (resource.getrusage(resource.RUSAGE_SELF).ru_maxrss - before) / 1024
    print(", ".join(f"{count} {name}" for name, count in sorted(outcomes.items())))
    print(f"{grown:.0f} MB more memory at most")
    return 1 if outcomes["failed"] else 0


if __name__ == "__main__":
    sys.exit(main())
