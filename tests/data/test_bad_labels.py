"""Tables of labelled recordings that cannot be used: one clear line each."""

from collections.abc import Callable
from pathlib import Path

import numpy as np
import pandas as pd
import pytest

from narrowcast.config import load_config
from narrowcast.data import Dataset, make_windows, read_table
from narrowcast.errors import UserError

CONFIG = """
task = "classify"
[data]
path = "{path}"
time = "t"
time_unit = "ms"
inputs = ["a", "b"]
target = "label"
classes = ["x", "y", "z"]
recording = ["who"]
window = 5
split.by = "who"
[model]
channels = 4
[train]
epochs = 1
finetune_epochs = 1
"""
ROWS = 40
Change = Callable[[pd.DataFrame], pd.DataFrame]


def frame(recordings: int = 5) -> pd.DataFrame:
    """Return recordings of 40 rows each."""
    rows, rng = np.arange(recordings * ROWS), np.random.default_rng(0)
    who, k = rows // ROWS, rows % ROWS
    return pd.DataFrame(
        {
            **{"t": k * 20, "who": [f"s{each}" for each in who]},
            **{"a": rng.normal(size=len(rows)).round(3), "b": rng.normal(size=len(rows)).round(3)},
            "part": np.array(["train", "validation", "test"])[np.minimum(who, 2)],
            "label": np.array(["x", "y", "z"])[k // 5 % 3],
        }
    )


def put(column: str, row: int, value: object) -> Change:
    """Return a function that changes a value of a table."""

    def change(table: pd.DataFrame) -> pd.DataFrame:
        table[column] = table[column].astype(object)
        table.iloc[row, table.columns.get_loc(column)] = value
        return table

    return change


def filled(column: str, values: Callable[[int], object]) -> Change:
    """Return a function that replaces a column of a table."""
    return lambda table: table.assign(**{column: [values(row) for row in range(len(table))]})


def windows(folder: Path, path: str, *overrides: str) -> Dataset:
    (folder / "run.toml").write_text(CONFIG.format(path=path))
    config = load_config(folder / "run.toml", overrides)
    return make_windows(read_table(config.data), config.data)


@pytest.fixture
def refused(tmp_path: Path) -> Callable[..., str]:
    """Return the message on a table, or on files that a pattern matches."""

    def message(
        files: dict[str, pd.DataFrame], path: str, *overrides: str, parquet: bool = False
    ) -> str:
        for name, table in files.items():
            if parquet:
                table.to_parquet(tmp_path / name)
            else:
                table.to_csv(tmp_path / name, index=False)
        with pytest.raises(UserError) as caught:
            windows(tmp_path, path, *overrides)
        line = str(caught.value).replace(f"{tmp_path}/", "")
        assert line.isprintable() and len(line) < 400 and caught.value.__cause__ is None
        return line

    return message


@pytest.mark.parametrize("parquet", [False, True])
@pytest.mark.parametrize(
    ("change", "said"),
    [
        (put("label", 77, "w"), "column 'label', row 78: the label 'w' is not among data.classes"),
        (put("label", 77, "X"), "the label 'X' is not among data.classes (did you mean 'x'?)"),
        (put("label", 77, "q" * 10_000), "row 78: the label 'qqqq"),
        (put("label", 77, "q\nq"), r"row 78: the label 'q\nq' is not among"),
        (put("who", 77, None), "column 'who', row 78: is empty: name the recording or part of"),
        (filled("label", lambda _: "x"), "column 'label': has the single label 'x'"),
        (filled("label", lambda _: None), "column 'label': has no labels at all"),
        (filled("label", str), "column 'label': has 200 different values, numbers, which seem"),
        (filled("label", lambda i: f"n{i}"), "column 'label': has 200 different values, text"),
        (
            lambda table: put("t", 77, int(table["t"][76]))(table),
            "column 't', recording 2 (which begins in row 41), row 78: 1970-01-01 00:00:00.720000",
        ),
        (
            lambda table: table.assign(t=np.where(table["who"] == "s2", 3, 1) * table["t"]),
            "recording 3 (which begins in row 81): most of its rows are 00:00:00.060000 apart",
        ),
        (
            lambda table: table.assign(label=np.where(table["who"] == "s4", table["label"], "x")),
            "column 'label': no window of the training part has the label 'y'",
        ),
        (lambda table: table.drop(columns="label"), "no column 'label': there are 't', 'who'"),
        (lambda table: table.drop(columns="who"), "no column 'who': there are 't', 'a'"),
        (lambda table: table[: 2 * ROWS], "column 'who' has 2 values, but 3 parts need one each"),
        (
            lambda table: pd.concat([table, table[:1].assign(who="last")]),
            "no complete window of 5 rows lies in the 1 rows of the test part",
        ),
    ],
)
def test_a_bad_table(refused: Callable[..., str], change: Change, said: str, parquet: bool) -> None:
    assert said in refused({"r.csv": change(frame())}, "r.csv", parquet=parquet)


@pytest.mark.parametrize(
    ("change", "said"),
    [
        (filled("label", lambda i: i / 7), "column 'label': holds quantities, not whole numbers"),
        (filled("label", lambda _: np.inf), "column 'label': holds quantities"),
        (filled("label", lambda _: b"x"), "column 'label': holds values of type binary, not names"),
        (filled("label", lambda _: [1]), "column 'label': holds values of type list"),
        (put("label", 7, "q\0q"), r"row 8: the label 'q\x00q' is not among"),
        (filled("who", lambda i: None if i == 9 else 1.0), "column 'who', row 10: is empty"),
    ],
)
def test_a_bad_type_in_parquet(refused: Callable[..., str], change: Change, said: str) -> None:
    assert said in refused({"r.csv": change(frame())}, "r.csv", parquet=True)


@pytest.mark.parametrize(
    ("override", "said"),
    [
        ('data.classes=["x","x"]', "each named once"),
        ('data.classes=["x"]', "data.classes has 1 label, but task = 'classify' needs at least 2"),
        ("data.classes=[]", "data.classes has no labels, but"),
        ("task=forecast", "data.classes needs task = 'classify'"),
        ('data.inputs=["a","label"]', "the column 'label' names recordings, parts or labels"),
        ('data.unlabelled=["x"]', "'x' is among classes and among unlabelled"),
        ("data.split.by=whom", "no column 'whom' (did you mean 'who'?)"),
        ("data.split.by=label", "the target 'label' cannot name recordings or parts as well"),
        ("data.split.part=part", "by and part exclude each other"),
        ("data.split.test=2020-01-01", "by = 'who' needs validation and test as fractions"),
        ("data.layout=rows", "layout = 'rows' has no columns that name recordings"),
        ("data.mixed=most", "it must be 'majority', 'last', 'drop' or 'refuse'"),
        ("data.mixed=refuse", "the window from row 2 to row 6 has the labels 'x' and 'y'"),
        ("data.stride=0", "a whole number of rows from 1 to 4096"),
        ("data.lead=1", "data.lead = 1 is not possible with task = 'classify'"),
        ("data.resample_by.label=sum", "resample_by needs a period"),
        ("data.window=41", "no complete window of 41 rows lies in the 120 rows"),
    ],
)
def test_a_bad_configuration(refused: Callable[..., str], override: str, said: str) -> None:
    assert said in refused({"r.csv": frame()}, "r.csv", override)


@pytest.mark.parametrize("key", ["train.class_weights=balanced", "data.mixed=last"])
def test_keys_for_labels_only(tmp_path: Path, key: str) -> None:
    plain = CONFIG.replace('task = "classify"', "").replace('classes = ["x", "y", "z"]', "lead = 0")
    (tmp_path / "run.toml").write_text(plain.format(path="r.csv"))
    with pytest.raises(UserError, match="needs task = 'classify'"):
        load_config(tmp_path / "run.toml", [key])


@pytest.mark.parametrize(
    ("change", "said"),
    [
        (put("part", 3, "dev"), "column 'part' has 'dev' in row 4, which is no part"),
        (put("part", 3, None), "column 'part', row 4: is empty"),
        (filled("part", lambda _: "train"), "no row of column 'part' is in the validation part"),
    ],
)
def test_a_bad_column_of_parts(refused: Callable[..., str], change: Change, said: str) -> None:
    assert said in refused({"r.csv": change(frame())}, "r.csv", 'data.split={part="part"}')


@pytest.mark.parametrize(
    ("change", "said"),
    [
        (put("a", 7, "oops"), "*.csv, column 'a', row 8 of s2.csv: 'oops' is not a number"),
        (put("label", 7, "oops"), "row 8 of s2.csv: the label 'oops' is not among data.classes"),
        (put("t", 7, "oops"), "row 8 of s2.csv: 'oops' is not a number"),
        (put("who", 7, None), "row 8 of s2.csv: is empty"),
        (put("t", 7, 120), "(which begins in row 1 of s2.csv), row 8 of s2.csv: 1970-01-01"),
        (lambda table: table.drop(columns="b"), "s2.csv: no column 'b'"),
        (lambda table: table[:0], "s2.csv: has no readings, only a header"),
    ],
)
def test_one_bad_file_of_several(refused: Callable[..., str], change: Change, said: str) -> None:
    files = {f"{who}.csv": rows for who, rows in frame().groupby("who")}
    files["s2.csv"] = change(files["s2.csv"].copy())
    assert said in refused(files, "*.csv")


def test_several_series_in_one_file_of_several(refused: Callable[..., str]) -> None:
    files = {f"{i}.csv": rows for i, (_, rows) in enumerate(frame().groupby("who"))}
    both = pd.concat([files["1.csv"].assign(sensor=each) for each in ("p", "q")])
    files = {name: rows.assign(sensor="p") for name, rows in files.items()} | {"1.csv": both}
    keys = "data.recording=[]", "data.split.by=who"
    said = "1.csv: several series in time, told apart by column 'sensor': set data.id = ['sensor']"
    assert said in refused(files, "*.csv", *keys)


@pytest.mark.parametrize(
    ("path", "said"),
    [
        ("runs/*.csv", "runs/*.csv: no file matches this pattern"),
        ("runs**/*.csv", "runs**/*.csv: is no pattern of files"),
        ("[", "[: no file matches this pattern"),
    ],
)
def test_a_pattern_without_files(refused: Callable[..., str], path: str, said: str) -> None:
    assert refused({"r.csv": frame()}, path).startswith(said)


def test_a_pattern_in_a_folder_that_looks_like_one(tmp_path: Path) -> None:
    (tmp_path / "run[1]").mkdir()
    for i, (_, rows) in enumerate(frame().groupby("who")):
        rows.to_csv(tmp_path / "run[1]" / f"{i + 8}.csv", index=False)
    dataset = windows(tmp_path / "run[1]", "*.csv")
    assert len(dataset.test) == ROWS - 5 + 1
    (tmp_path / "run[1]" / "a[b].csv").write_text(frame().to_csv(index=False))
    assert len(windows(tmp_path / "run[1]", "a[b].csv").test) == ROWS - 5 + 1
