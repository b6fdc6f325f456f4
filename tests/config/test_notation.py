import pytest
from pydantic import ValidationError

from narrowcast.config import DataConfig

BASE = {"time": "t", "inputs": ["a"], "target": "b", "window": 2, "lead": 1}


@pytest.mark.parametrize(
    ("key", "good", "bad"),
    [
        ("time_unit", ["s", "ms", "us", "ns"], ["min", "", 1]),
        ("time_format", ["%d.%m.%Y %H:%M", "%Y-%m-%dT%H:%M:%S%z", "excel"], ["", "abc", "%Q", "%"]),
        ("time_format", ["%m/%d/%y %I:%M %p", "%Y%%"], ["%H:%M", "%d.%m.", "%Y %Y", "%%Y"]),
        ("time_format", ["%c"], ["%m/%d/%Y %H:%M %p", "%Y-%m-%d %I:%M"]),
        ("timezone", ["Europe/Berlin", "UTC"], ["", "Mars/X", "../etc", "/etc/passwd", "x" * 200]),
        ("decimal", [".", ","], [";", ""]),
        ("thousands", [",", ".", " ", "'"], ["x", ""]),
        ("separator", [";", "|", "\t", " "], ["", ";;", "1", "a", '"', "\n", ".", "§"]),
        ("skip_rows", [0, 3, 10**6], [-1, 10**6 + 1, 1.5, True]),
        ("encoding", ["latin-1", "cp1252", "utf-16-le", "gb18030"], ["", "zip", "punycode", "x"]),
        ("missing_values", [[], [-999, "void"], [1.5]], [5, [float("nan")], [True], ["x" * 101]]),
        ("jitter", [0.0, 0.24, 0], [-0.1, 0.25, float("nan")]),
    ],
)
def test_keys_of_notation(key: str, good: list[object], bad: list[object]) -> None:
    for value in good:
        assert getattr(DataConfig.model_validate({**BASE, key: value}), key) == value
    for value in bad:
        with pytest.raises(ValidationError):
            DataConfig.model_validate({**BASE, key: value})


@pytest.mark.parametrize(
    ("keys", "said"),
    [
        ({"decimal": ",", "thousands": ","}, "decimal and thousands are both ','"),
        ({"time_unit": "s", "time_format": "%Y"}, "exclude each other"),
        ({"time": None, "timezone": "UTC"}, "timezone needs the name of the time column"),
        ({"time": None, "time_of_day": "t"}, "time_of_day needs the name of the time column"),
        ({"time": ["y", "m", "d"], "time_of_day": "t"}, "time_of_day is for a single column of"),
        ({"time": ["y", "m", "d"], "time_format": "%Y"}, "time_format is for a single column of"),
        ({"time": ["y", "m", "a"], "inputs": ["a"]}, "the time column 'a' can be neither an"),
        ({"time": ["y", "m"]}, "at least 3"),
    ],
)
def test_keys_that_contradict(keys: dict[str, object], said: str) -> None:
    with pytest.raises(ValidationError, match=said):
        DataConfig.model_validate({**BASE, **keys})
