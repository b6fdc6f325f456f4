"""First configurations of panels."""

import tomllib
from pathlib import Path

import numpy as np
import pandas as pd
import pytest

from narrowcast.config import DataConfig
from narrowcast.data.draft import draft
from narrowcast.errors import UserError


def rows(count: int = 60) -> pd.DataFrame:
    """Return daily sales of two goods in two shops, with the size of each shop."""
    random, days = np.random.default_rng(0), pd.date_range("2024-01-01", periods=count)
    return pd.concat(
        [
            pd.DataFrame(
                {
                    "shop": shop,
                    "good": good,
                    "day": days,
                    "size": 10.0 * i,
                    "kind": "ab"[i],
                    "sold": random.normal(size=count),
                }
            )
            for i, shop in enumerate(["north", "south"])
            for good in ["tea", "milk"]
        ]
    )


def keys(frame: pd.DataFrame, folder: Path, **given: object) -> DataConfig:
    path = folder / "sales.csv"
    frame.to_csv(path, index=False)
    values = tomllib.loads(draft(path, folder, given=given).text)["data"]
    return DataConfig.model_validate({**values, "path": folder / values["path"]})


def test_columns_that_tell_series_apart_and_those_that_are_constant_in_them(
    tmp_path: Path,
) -> None:
    config = keys(rows(), tmp_path)
    assert config.id == ["shop", "good"]
    assert (config.target, config.time) == ("sold", "day")
    assert config.static == {"size": [], "kind": ["a", "b"]}
    one = keys(rows()[lambda frame: frame["good"] == "tea"].drop(columns="good"), tmp_path)
    assert one.id == "shop"
    assert one.static == {"size": [], "kind": ["a", "b"]}
    assert one.columns == ("sold", "size", "kind = a", "kind = b")


def test_wide_tables_are_panels_if_the_user_says_so(tmp_path: Path) -> None:
    random = np.random.default_rng(0)
    wide = pd.DataFrame(random.normal(size=(60, 6)), columns=[f"s{i}" for i in range(6)])
    wide.insert(0, "day", pd.date_range("2024-01-01", periods=60))
    path = tmp_path / "sales.csv"
    wide.to_csv(path, index=False)
    told = draft(path, tmp_path).lines
    assert any("perhaps the columns 's*': --set 'data.series=[\"s*\"]'" in line for line in told)
    config = keys(wide, tmp_path, series=["s*"])
    assert (config.series, config.target, config.time) == (["s*"], "y", "day")
    named = draft(path, tmp_path, "sales", {"series": ["s*"]})
    with pytest.raises(UserError, match="--target 's1' is a column: where columns are series"):
        draft(path, tmp_path, "s1", {"series": ["s*"]})
    assert named.lines[0] == "series:    6, of 60 rows" and 'target = "sales"' in named.text


def test_a_stated_column_has_to_be_there(tmp_path: Path) -> None:
    with pytest.raises(UserError, match="no column 'stor' that could tell series apart"):
        keys(rows(), tmp_path, id="stor")


def test_a_stated_column_has_to_name_each_series(tmp_path: Path) -> None:
    frame = rows()
    one = frame[(frame["shop"] == "north") & (frame["good"] == "tea")]
    assert keys(one, tmp_path, id="good").id == "good"
    empty = one.assign(good=one["good"].where(np.arange(len(one)) != 3))
    with pytest.raises(UserError, match="'good' does not tell series apart: some rows have no"):
        keys(empty, tmp_path, id="good")
    with pytest.raises(UserError, match="no column of numbers changes within the series that 'sho"):
        constant = frame.assign(sold=frame.groupby(["shop", "good"]).ngroup())
        keys(constant, tmp_path, id=["shop", "good"])
    few = one[["day", "sold"]].assign(sold=np.arange(len(one)) % 7)
    with pytest.raises(UserError, match="no column of numbers changes within the series that 'sol"):
        keys(few, tmp_path, id="sold")
