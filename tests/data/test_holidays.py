"""Public holidays as a column of the table, against dates that the laws of Germany name."""

from pathlib import Path

import numpy as np
import pytest
from pydantic import ValidationError

from narrowcast.config import DataConfig, load_config
from narrowcast.data import check_columns, make_windows, read_table
from narrowcast.errors import UserError


def configuration(folder: Path, **keys: object) -> DataConfig:
    """A table of half a year, every six hours from 2 October 2024, 00:00 UTC."""
    times = np.datetime64("2024-10-02T00:00") + np.arange(800) * np.timedelta64(6, "h")
    rows = "".join(f"{time}Z,{i % 7}\n" for i, time in enumerate(times))
    (folder / "readings.csv").write_text("time,a\n" + rows)
    given = {"path": folder / "readings.csv", "time": "time", "inputs": ["a"], "target": "a"}
    return DataConfig.model_validate({**given, "window": 4, "lead": 1, **keys})


def days(config: DataConfig) -> list[str]:
    """The times of a table that are on holidays."""
    table = read_table(config)
    assert table.time is not None
    flags = table.frame["holiday"].to_numpy()
    assert set(flags) == {0.0, 1.0}
    return [f"{each:%m-%d %H}" for each in table.time[flags == 1]]


def test_days_begin_at_midnight_of_the_zone(tmp_path: Path) -> None:
    unity = [f"10-03 {hour:02}" for hour in (0, 6, 12, 18)]
    assert days(configuration(tmp_path, holidays="DE"))[:4] == unity
    berlin = configuration(tmp_path, holidays="DE", timezone="Europe/Berlin")
    christmas = [each for each in days(berlin) if each.startswith("12")]
    # Summer time: 3 October lasts until 22:00 UTC. In winter, 25 December begins at 23:00 UTC.
    assert days(berlin)[:5] == [*unity, christmas[0]]
    assert christmas == [f"12-{day} {hour:02}" for day in (25, 26) for hour in (0, 6, 12, 18)]


def test_a_part_of_a_country_has_days_of_its_own(tmp_path: Path) -> None:
    reformation = "10-31 06"
    assert reformation in days(configuration(tmp_path, holidays="DE-SN"))
    assert reformation not in days(configuration(tmp_path, holidays="DE-BY"))


def test_the_model_sees_the_window_and_the_time_that_is_forecast(tmp_path: Path) -> None:
    config = configuration(tmp_path, holidays="DE", outputs=2, timezone="UTC")
    assert config.inputs == ["a", "holiday"] and config.known == ["holiday"]
    again = DataConfig.model_validate(config.model_dump())
    assert again == config
    check_columns(config)  # the file itself has no such column
    table = read_table(config)
    data = make_windows(table, config)
    flags = table.frame["holiday"].to_numpy()
    part = data.train
    for i in (0, 5, 40):
        last = part.row[i] - 1
        np.testing.assert_array_equal(part.inputs[i, :, 1], flags[last - 3 : last + 1])
        np.testing.assert_array_equal(part.further[0][i, 0], flags[last + 1 : last + 3])


@pytest.mark.parametrize(
    ("region", "said"),
    [
        ("XX", "holidays = 'XX': no holidays are known of this country: those with X are XK"),
        ("GX", "holidays = 'GX': no holidays are known of this country: those with G are GA, GB"),
        ("DE-XX", "holidays = 'DE-XX': no holidays are known of this part of DE: its parts are BB"),
    ],
)
def test_an_unknown_region_is_refused(tmp_path: Path, region: str, said: str) -> None:
    with pytest.raises(ValidationError) as error:
        configuration(tmp_path, holidays=region)
    assert said in str(error.value)
    text = '[data]\ninputs = ["a"]\ntarget = "a"\nwindow = 3\nlead = 1\ntime = "time"\n'
    (tmp_path / "run.toml").write_text(text)
    with pytest.raises(UserError) as refused:  # before any file of readings is looked for
        load_config(tmp_path / "run.toml", [f"data.holidays={region}"])
    assert f"[data] {said}" in str(refused.value) and "\n" not in str(refused.value)
