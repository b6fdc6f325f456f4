"""Tables of many series: how they are read, scaled, cut into windows, and refused."""

import io
import tempfile
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pytest
from hypothesis import assume, given, settings
from hypothesis import strategies as st

from narrowcast.config import Config, DataConfig
from narrowcast.data import Table, baselines, make_windows, new_table, read_table
from narrowcast.data import read as reading
from narrowcast.data.panel import Panel
from narrowcast.errors import UserError

LONG = {"layout": "long", "window": 3, "lead": 1}


def days(count: int, start: str = "2024-01-01") -> pd.DatetimeIndex:
    return pd.date_range(start, periods=count)


def long(lengths: dict[str, int], seed: int = 0) -> pd.DataFrame:
    """Return series that end on the same day, each at its own level."""
    random, last = np.random.default_rng(seed), max(lengths.values())
    parts = [
        pd.DataFrame(
            {
                "unique_id": name,
                "ds": days(last)[last - rows :],
                "y": 10.0 ** (i + 1) * (5 + random.standard_normal(rows)),
            }
        )
        for i, (name, rows) in enumerate(lengths.items())
    ]
    return pd.concat(parts, ignore_index=True)


def read(frame: pd.DataFrame, folder: Path, **keys: Any) -> tuple[DataConfig, Table]:
    path = folder / "rows.csv"
    frame.to_csv(path, index=False)
    config = DataConfig.model_validate({"path": path, **LONG, **keys})
    return config, read_table(config)


def complaint(frame: pd.DataFrame, folder: Path, **keys: Any) -> str:
    with pytest.raises(UserError) as error:
        config, table = read(frame, folder, **keys)
        make_windows(table, config)
    return str(error.value)


def test_each_series_has_the_level_and_spread_of_its_training_part(tmp_path: Path) -> None:
    frame = long({"a": 40, "b": 25})
    config, table = read(frame, tmp_path)
    assert table.panel is not None and table.panel.names == ("a", "b")
    # Of 40 days the last 8 are the test part, of the 32 before the last 5 the validation part.
    trained = frame[frame["ds"] < days(40)[27]].groupby("unique_id")["y"]
    np.testing.assert_allclose(table.panel.level, trained.mean())
    np.testing.assert_allclose(table.panel.spread, trained.std(ddof=0))
    for name, rows in trained:
        change = np.diff(rows)
        i = table.panel.names.index(str(name))
        np.testing.assert_allclose(table.panel.naive_mae[i], np.abs(change).mean())
        np.testing.assert_allclose(table.panel.naive_mse[i], (change**2).mean())
    dataset = make_windows(table, config)
    assert dataset.test.members is not None
    first = days(40)[32]
    assert dataset.test.time is not None
    assert list(dataset.test.time) == [*days(40)[32:].tz_localize("UTC")] * 2
    found = dataset.test.members.in_units(dataset.test.target)[:, 0]
    np.testing.assert_allclose(found, frame[frame["ds"] >= first]["y"])


def test_a_late_start_has_windows_of_its_own_rows_only(tmp_path: Path) -> None:
    config, table = read(long({"a": 40, "late": 6}), tmp_path)
    dataset = make_windows(table, config)
    assert dataset.train.members is not None and dataset.test.members is not None
    assert set(dataset.train.members.number.tolist()) == {0}
    # It begins 2 days before the test part, so that its first window ends on its first day.
    assert (dataset.test.members.number == 1).sum() == 3
    own = table.frame["y"].to_numpy()[40:]
    np.testing.assert_array_equal(dataset.test.inputs[-3, :, 0], own[:3])


def test_wide_tables_are_the_same_panel_as_long_ones(tmp_path: Path) -> None:
    frame = long({"a": 40, "b": 40})
    _, one = read(frame, tmp_path)
    wide = frame.pivot(index="ds", columns="unique_id", values="y").reset_index()
    _, other = read(wide, tmp_path, layout="columns", series=["*"], time="ds")
    pd.testing.assert_frame_equal(one.frame[["y"]], other.frame[["y"]])
    assert one.series == other.series and one.time is not None and one.time.equals(other.time)
    rows = wide.drop(columns="ds").T
    rows.to_csv(tmp_path / "rows.csv", header=False, index=False)
    keys = {"layout": "rows", "series": ["0", "1"], "window": 3, "lead": 1}
    config = DataConfig.model_validate({"path": tmp_path / "rows.csv", **keys})
    third = read_table(config)
    np.testing.assert_allclose(third.frame["y"], one.frame["y"])
    lengths = [
        (len(each.train), len(each.validation), len(each.test))
        for each in (make_windows(third, config), make_windows(one, DataConfig(**LONG)))
    ]
    assert lengths[0] == lengths[1]


def test_files_of_a_pattern_are_a_series_each(tmp_path: Path) -> None:
    for name, rows in long({"a": 40, "b": 40}).groupby("unique_id"):
        rows.drop(columns="unique_id").to_csv(tmp_path / f"{name}.csv", index=False)
    config = DataConfig.model_validate({"path": tmp_path / "*.csv", **LONG})
    assert read_table(config).series == ("a", "b")


@pytest.mark.parametrize("missing", ["NA", "nan", "null", "-", "void"])
def test_a_name_of_a_file_is_never_a_missing_value(tmp_path: Path, missing: str) -> None:
    for name, rows in long({missing: 40, "b": 40}).groupby("unique_id"):
        rows.drop(columns="unique_id").to_csv(tmp_path / f"{name}.csv", index=False)
    keys = {"path": tmp_path / "*.csv", "missing_values": ["void"], **LONG}
    assert set(read_table(DataConfig.model_validate(keys)).series) == {missing, "b"}
    # In a column, the same word still stands for a missing name.
    with pytest.raises(UserError, match="column 'unique_id', row 1: is empty"):
        read(long({missing: 40, "b": 40}), tmp_path, missing_values=["void"])


def test_inputs_of_a_wide_table_are_those_of_all_series(tmp_path: Path) -> None:
    wide = pd.DataFrame({"ds": days(30), "s1": np.arange(30.0), "s2": np.arange(30.0) ** 2})
    wide["warmth"] = np.sin(np.arange(30))
    keys = {"layout": "columns", "series": ["s?"], "time": "ds", "inputs": ["y", "warmth"]}
    config, table = read(wide, tmp_path, **keys)
    np.testing.assert_allclose(table.frame["warmth"], np.tile(wide["warmth"], 2))
    assert make_windows(table, config).train.inputs.shape[2] == 2


def test_static_columns_are_inputs(tmp_path: Path) -> None:
    frame = long({"a": 40, "b": 40, "c": 40})
    frame["size"] = frame["unique_id"].map({"a": 1.5, "b": 2.5, "c": 4.0})
    frame["kind"] = frame["unique_id"].map({"a": "X", "b": "Y", "c": "X"})
    config, table = read(frame, tmp_path, static={"size": [], "kind": ["X", "Y"]})
    assert config.columns == ("y", "size", "kind = X", "kind = Y")
    np.testing.assert_array_equal(table.frame["kind = X"], (frame["kind"] == "X").astype(float))
    np.testing.assert_allclose(table.frame["size"], frame["size"])
    assert config == DataConfig.model_validate(config.model_dump())


def test_rows_that_are_added_have_the_static_values(tmp_path: Path) -> None:
    frame = long({"a": 40, "b": 40})
    frame["size"] = frame["unique_id"].map({"a": 1.5, "b": 2.5})
    holes = frame.drop(index=[10, 11, 60])
    _, table = read(holes, tmp_path, static=["size"], missing="hold")
    np.testing.assert_array_equal(table.frame["size"], frame["size"])
    assert np.isnan(table.frame["y"].to_numpy()[[10, 11, 60]]).all()


def test_a_series_that_training_has_not_seen_has_the_level_of_its_first_window() -> None:
    config = DataConfig(**LONG)
    trained = Panel(("a",), *(np.ones(1) for _ in range(4)), np.arange(1))
    frame = pd.DataFrame({"unique_id": "new", "ds": days(6), "y": [4.0, 6, 8, 100, 200, 300]})
    found = trained.scaled_new(new_table(frame, config, target=True), config)
    assert found.panel is not None
    assert found.panel.level.tolist() == [6.0]
    np.testing.assert_allclose(found.panel.spread, np.std([4, 6, 8]))
    assert np.isnan(found.panel.naive_mae).all()
    assert any("1 series that the training has not seen, 'new'" in note for note in found.notes)


def test_errors_are_those_of_each_series_and_their_means(tmp_path: Path) -> None:
    frame = long({"a": 60, "b": 60, "c": 30})
    config, table = read(frame, tmp_path)
    dataset = make_windows(table, config)
    found = baselines(dataset, table, config)["persistence"]
    assert found is not None and found.by_series is not None
    test = frame["ds"] >= days(60)[48]
    change = frame.groupby("unique_id")["y"].diff()
    for name, rows in frame[test].groupby("unique_id"):
        own, each = change[rows.index], found.by_series[str(name)]
        before = change[(frame["unique_id"] == name) & (frame["ds"] < days(60)[41])].dropna()
        assert each.windows == len(rows)
        assert each.rmse == pytest.approx(np.sqrt((own**2).mean()))
        assert each.rmsse == pytest.approx(np.sqrt((own**2).mean() / (before**2).mean()))
        assert each.mase == pytest.approx(own.abs().mean() / before.abs().mean())
    scaled = [each.rmsse for each in found.by_series.values() if each.rmsse is not None]
    assert found.error == found.rmsse == pytest.approx(np.mean(scaled))
    assert found.rmse == pytest.approx(np.sqrt((change[test] ** 2).mean()))


def test_ridge_per_series_finds_the_rule_of_each(tmp_path: Path) -> None:
    random, parts = np.random.default_rng(0), []
    for name, factor in (("a", 0.9), ("b", -0.9)):
        y = [1.0]
        for _ in range(199):
            y.append(factor * y[-1] + 0.01 * random.standard_normal())
        parts.append(pd.DataFrame({"unique_id": name, "ds": days(200), "y": y}))
    config, table = read(pd.concat(parts), tmp_path)
    found = baselines(make_windows(table, config), table, config)
    one, all_series = found["ridge_per_series"], found["ridge"]
    assert one is not None and all_series is not None
    assert one.rmsse is not None and all_series.rmsse is not None
    assert one.rmsse < 0.8 * all_series.rmsse


@st.composite
def panels(draw: st.DrawFn) -> tuple[pd.DataFrame, dict[str, object]]:
    """Return the rows of a panel with late starts, early ends, gaps, and keys of [data]."""
    random = np.random.default_rng(draw(st.integers(0, 2**32 - 1)))
    total = draw(st.integers(60, 100))
    parts = []
    for i in range(draw(st.integers(2, 5))):
        begin = draw(st.integers(0, total // 2)) if i else 0
        end = draw(st.integers(total - 6, total)) if i else total
        kept = np.sort(random.permutation(np.arange(begin, end))[draw(st.integers(0, 3)) :])
        y = np.round(random.normal(i * 100, i + 1, len(kept)), 3)
        parts.append(pd.DataFrame({"unique_id": f"s{i}", "ds": days(total)[kept], "y": y}))
    keys: dict[str, object] = {
        **LONG,
        "window": draw(st.integers(2, 5)),
        "lead": draw(st.integers(1, 4)),
        "outputs": draw(st.integers(1, 6)),
        "missing": draw(st.sampled_from(["drop", "hold"])),
        "local_scaling": draw(st.booleans()),
        "seasons": draw(st.sampled_from([None, [7]])),
    }
    return pd.concat(parts).sample(frac=1, random_state=0), keys


def cut(frame: pd.DataFrame, keys: dict[str, object]) -> Any:
    content = io.BytesIO()
    frame.to_parquet(content, index=False)
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "rows.parquet"
        path.write_bytes(content.getvalue())
        config = DataConfig.model_validate({"path": path, **keys})
        table = read_table(config)
    return config, table, make_windows(table, config)


@settings(max_examples=60, deadline=None)
@given(panels())
def test_no_window_crosses_series_gaps_or_parts(given: tuple[pd.DataFrame, Any]) -> None:
    frame, keys = given
    try:
        config, table, dataset = cut(frame, keys)
    except UserError:  # a part is too short for a window
        assume(False)
    known = {(name, time): y for name, time, y in frame.itertuples(index=False)}
    ends = []
    for part in (dataset.train, dataset.validation, dataset.test):
        inputs, target = part.inputs, part.members.in_units(part.target)
        times = part.time.tz_localize(None)
        for i, number in enumerate(part.members.number.tolist()):
            name, panel = table.series[number], table.panel
            steps = [times[i] + pd.Timedelta(k, "D") for k in range(config.outputs)]
            np.testing.assert_allclose(
                target[i], [known[name, each] for each in steps], rtol=1e-9, atol=1e-9
            )
            last = times[i] - pd.Timedelta(config.lead, "D")
            window = [last - pd.Timedelta(k, "D") for k in range(config.window)][::-1]
            values = panel.level[number] + panel.spread[number] * inputs[i, :, 0]
            for time, value in zip(window, values, strict=True):
                while (name, time) not in known:  # the last reading stands in
                    assert config.missing == "hold"
                    time -= pd.Timedelta(1, "D")  # noqa: PLW2901
                assert value == pytest.approx(known[name, time], abs=1e-9)
        ends.append((times.min(), times.max() + pd.Timedelta(config.outputs - 1, "D")))
    (_, trained), (validated, decided), (tested, _) = ends
    assert trained < validated and decided < tested


@settings(max_examples=40, deadline=None)
@given(panels(), st.integers(0, 3))
def test_later_parts_change_nothing_in_earlier_ones(
    given: tuple[pd.DataFrame, Any], seed: int
) -> None:
    frame, keys = given
    try:
        _, _, clean = cut(frame, keys)
    except UserError:  # a part is too short for a window
        assume(False)
    for later, decided in (("validation", ["train"]), ("test", ["train", "validation"])):
        first = getattr(clean, later).time.min().tz_localize(None)
        spoilt = frame.copy()
        after = (spoilt["ds"] >= first).to_numpy()
        spoilt.loc[after, "y"] = np.random.default_rng(seed).normal(0, 1e4, after.sum())
        _, _, found = cut(spoilt, keys)
        for name in decided:
            one, other = getattr(clean, name), getattr(found, name)
            assert one.inputs.tobytes() == other.inputs.tobytes()
            assert one.target.tobytes() == other.target.tobytes()
        for name in ("input_scaling", "target_scaling"):
            one, other = getattr(clean, name), getattr(found, name)
            assert one.offset.tobytes() == other.offset.tobytes()
            assert one.scale.tobytes() == other.scale.tobytes()


def test_bad_panels(tmp_path: Path) -> None:
    frame = long({"a": 40, "b": 40})
    twice = pd.concat([frame, frame.iloc[[45]]])
    said = complaint(twice, tmp_path)
    assert "series 'b'" in said and "row 81: " in said and "second time" in said
    single = pd.concat([frame, pd.DataFrame({"unique_id": ["c"], "ds": days(1), "y": [1.0]})])
    said = complaint(single, tmp_path)
    assert "series 'c' (which begins in row 81): has a single row" in said
    assert len(read(single, tmp_path, short_series="keep")[1].series) == 3
    early = frame.drop(index=range(60, 80))
    said = complaint(early, tmp_path)
    assert "series 'b' ends in row 60, at 2024-01-20" in said and "short_series = 'keep'" in said
    assert len(read(early, tmp_path, short_series="keep")[1].series) == 2
    other = frame.copy()
    other.loc[40:, "ds"] = pd.date_range("2024-01-01", periods=40, freq="2D")
    said = complaint(other, tmp_path)
    assert "series 'b' (which begins in row 41)" in said and "2 days" in said
    nameless = frame.assign(unique_id=frame["unique_id"].where(frame.index != 50))
    assert "row 51: is empty" in complaint(nameless, tmp_path)
    said = complaint(frame, tmp_path, seasons=[50])
    assert "50 is 50 rows long, but its longest series has only 40: leave it out" in said
    static = frame.assign(size=np.where(frame.index < 70, 1, 2))
    said = complaint(static, tmp_path, static=["size"])
    assert "row 71: is another value than in row 41 of the same series, 'b'" in said
    said = complaint(static.assign(size="big"), tmp_path, static={"size": ["small"]})
    assert "row 1: 'big' is not among the values of data.static, 'small'" in said
    said = complaint(frame, tmp_path, layout="columns", series=["t*"], time="ds")
    assert "no column has a name of data.series = 't*'" in said
    zones = frame.assign(ds=[f"{t:%Y-%m-%d}" for t in frame["ds"]])
    zones.loc[50, "ds"] += "T00:00:00+02:00"
    said = complaint(zones, tmp_path)
    assert "row 51: has the offset +02:00 in series 'b', but row 1 has none" in said
    zones["ds"] = [f"{t:%Y-%m-%d}T00:00:00Z" for t in frame["ds"]]
    zones.loc[50, "ds"] = ""
    assert "row 51: the time stamp is missing" in complaint(zones, tmp_path)


def test_the_columns_that_tell_series_apart_have_to_do_so(tmp_path: Path) -> None:
    frame = long({"a": 40, "b": 40})
    halves = [frame.assign(kind=kind) for kind in ("x", "y")]
    both = pd.concat(halves).sort_values("ds", kind="stable")
    _, table = read(both, tmp_path, id=["unique_id", "kind"])
    assert set(table.series) == {"a/x", "a/y", "b/x", "b/y"}
    said = complaint(both, tmp_path)
    assert "series 'a'" in said and "second time (40 duplicates in all)" in said
    assert "add a column that tells series apart to data.id" in said
    clash = pd.concat([frame.assign(kind="x/y"), frame.assign(unique_id="a/x", kind="y")[:40]])
    said = complaint(clash, tmp_path, id=["unique_id", "kind"])
    assert "'a', 'x/y' and 'a/x', 'y' are both named 'a/x/y'" in said
    frame.to_csv(tmp_path / "part.csv", index=False)
    config = DataConfig.model_validate(
        {"path": tmp_path / "pa*.csv", **LONG, "id": ["unique_id", "kind"]}
    )
    with pytest.raises(UserError, match=r"part\.csv: no column 'kind'"):
        read_table(config)
    whole = DataConfig(**LONG)
    with pytest.raises(UserError, match="the frame: no column 'unique_id'"):
        new_table(frame.drop(columns="unique_id"), whole, target=True)


@pytest.mark.parametrize("value", [0.0, 0.1, 1e9 / 3, -1e-3])
def test_a_constant_series_has_its_value_as_level(tmp_path: Path, value: float) -> None:
    frame = long({"a": 40, "b": 40})
    mine = frame["unique_id"] == "b"
    constant = frame.assign(y=frame["y"].where(~mine | (frame["ds"] >= days(40)[32]), value))
    config, table = read(constant, tmp_path)
    assert table.panel is not None
    assert table.panel.level[1] == value
    assert table.panel.spread[1] == table.panel.spread[0]
    assert table.panel.naive_mae[1] == table.panel.naive_mse[1] == 0
    make_windows(table, config)
    # The same for a series that only new data have, and for what floats do not resolve.
    trained = Panel(("a",), *(np.ones(1) for _ in range(4)), np.arange(1))
    found = trained.for_table(new_table(constant, config, target=True), config)
    assert found.level[1] == value and found.spread[1] == 1
    noise = np.where(frame.index % 2, 0.3, 0.1 + 0.2)
    _, table = read(constant.assign(y=constant["y"].where(~mine, noise)), tmp_path)
    assert table.panel is not None and table.panel.spread[1] == table.panel.spread[0]
    _, table = read(constant.assign(y=frame["y"].where(~mine, frame["y"] * 1e-310)), tmp_path)
    assert table.panel is not None and table.panel.spread[1] == table.panel.spread[0]
    assert table.panel.naive_mae[1] == table.panel.naive_mse[1] == 0


def test_readings_far_from_the_level_of_their_series(tmp_path: Path) -> None:
    frame = long({"a": 40, "b": 40})
    quiet = 7 + 1e-12 * (frame.index % 2)
    mine = (frame["unique_id"] == "b") & (frame["ds"] < days(40)[32])
    said = complaint(frame.assign(y=frame["y"].where(~mine, quiet)), tmp_path)
    value = f"{frame['y'][72]:g}"
    assert f"column 'y' has {value} in row 73 of series 'b', whose level and spread" in said
    said = complaint(frame.assign(y=np.where(frame["unique_id"] == "a", 1.0, 2.0)), tmp_path)
    assert "column 'y' is constant in each series throughout the training part" in said


def test_the_level_of_an_unknown_series_is_no_later_than_its_first_window() -> None:
    config = DataConfig(**LONG, missing="hold")
    trained = Panel(("a",), *(np.ones(1) for _ in range(4)), np.arange(1))
    y = [np.nan, 4.0, np.nan, 6.0, 1e6, 1e6]
    frame = pd.DataFrame({"unique_id": "new", "ds": days(6), "y": y})
    assert trained.for_table(new_table(frame, config, target=True), config).level.tolist() == [5.0]


@pytest.mark.parametrize("by_time", [False, True])
def test_local_times_are_those_of_each_series(tmp_path: Path, by_time: bool) -> None:
    hours = pd.date_range("2024-10-20", periods=24 * 14, freq="h", tz="UTC")
    text = hours.tz_convert("Europe/Berlin").strftime("%Y-%m-%d %H:%M")
    y = np.random.default_rng(0).standard_normal(len(hours))
    parts = [pd.DataFrame({"unique_id": name, "ds": text, "y": y}) for name in "ab"]
    frame = pd.concat(parts)
    if by_time:
        frame = frame.sort_index(kind="stable")
    _, table = read(frame, tmp_path, timezone="Europe/Berlin")
    assert table.time is not None
    assert list(table.time) == [*hours] * 2
    frame = frame[frame["unique_id"] == "a"].rename(columns={"y": "s1"}).assign(s2=y)
    keys = {"layout": "columns", "series": ["s?"], "time": "ds"}
    _, table = read(frame, tmp_path, **keys, timezone="Europe/Berlin")
    assert table.time is not None and list(table.time) == [*hours] * 2


@pytest.mark.parametrize(
    ("keys", "said"),
    [
        ({"id": "unique_id", "target": "y"}, "set time"),
        ({**LONG, "recording": ["run"]}, "leave out recording"),
        ({**LONG, "target": ["y", "z"], "inputs": ["y"]}, "a panel has one"),
        ({**LONG, "split": {"by": "unique_id"}}, "split.by is not possible in a panel"),
        ({"inputs": ["y"], "target": "y", "static": ["a"]}, "static is for the series of a panel"),
        ({"series": ["a"], "static": ["b"]}, "static is not possible with series"),
        ({"series": ["ds"], "time": "ds"}, "series names the time column"),
    ],
)
def test_keys_that_do_not_go_together(keys: dict[str, object], said: str) -> None:
    with pytest.raises(ValueError, match=said):
        DataConfig.model_validate({"window": 3, "lead": 1, **keys})


@pytest.mark.parametrize("task", ["classify", "detect"])
@pytest.mark.parametrize("key", [{"layout": "long"}, {"id": "unit"}, {"series": ["s*"]}])
def test_panels_are_for_forecasts(task: str, key: dict[str, object]) -> None:
    data = {"inputs": ["y"], "target": "label", "classes": ["a", "b"], "time": "t", "window": 8}
    with pytest.raises(ValueError, match=f"is for forecasts, not for task = '{task}'"):
        Config.model_validate({"task": task, "data": {**data, **key}})


@settings(max_examples=60)
@given(st.data())
def test_series_with_equal_steps_are_read_at_once_as_others_are_one_by_one(
    data: st.DataObject,
) -> None:
    """Whatever steps, order, gaps and lengths the series between them have."""
    parts = []
    for name in range(data.draw(st.integers(1, 6))):
        step = data.draw(st.sampled_from([1, 1, 1, 2]))
        count = data.draw(st.integers(1, 30))
        kept = [i for i in range(count) if data.draw(st.integers(0, 9)) or i == 0]
        kept = data.draw(st.permutations(kept)) if data.draw(st.booleans()) else kept
        ds = pd.Timestamp("2024-01-01") + pd.to_timedelta(step * np.array(kept), "D")
        parts.append(pd.DataFrame({"unique_id": f"s{name}", "ds": ds, "y": np.arange(len(kept))}))
    frame = pd.concat(parts, ignore_index=True)
    if data.draw(st.booleans()):
        frame = frame.sort_values("ds", kind="stable")
    keys = {**LONG, "missing": data.draw(st.sampled_from(["drop", "hold"]))}
    config = DataConfig.model_validate({**keys, "short_series": "keep"})

    def found() -> tuple[Any, ...] | str:
        try:
            table = new_table(frame, config, target=True)
        except UserError as error:
            return str(error)
        assert table.time is not None and table.source is not None
        arrays = table.time.asi8, table.series_of_rows, table.source, table.frame["y"].to_numpy()
        return *(each.tolist() for each in arrays), table.notes, table.interval, table.series

    def none_is_regular(_: object, begins: np.ndarray) -> np.ndarray:
        return np.full(len(begins), -1)

    at_once = found()
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(reading, "_equal_steps", none_is_regular)
        assert repr(found()) == repr(at_once)


def test_only_series_that_are_not_equidistant_are_looked_at_one_by_one(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    alone: list[int] = []
    one_recording = reading._one_recording

    def counted(rows: Any, *arguments: Any, **keys: Any) -> Any:
        alone.append(len(rows.frame))
        return one_recording(rows, *arguments, **keys)

    monkeypatch.setattr(reading, "_one_recording", counted)
    frame = long(dict.fromkeys([f"s{i}" for i in range(50)], 20) | {"other": 21})
    gap = frame.drop(index=frame.index[frame["unique_id"] == "other"][5])
    assert len(read(gap, tmp_path)[1].frame) == 50 * 20 + 20 and alone == [20]
