"""Mistakes in the files of devices and boards are named with the file and the field."""

import re
from collections.abc import Iterator
from pathlib import Path

import pytest

from narrowcast.errors import UserError
from narrowcast.targets import device
from narrowcast.targets.device import device_names, load_device


@pytest.fixture
def targets(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Path]:
    """A copy of the files of all devices and boards, which is read instead."""
    for part in ("devices", "boards"):
        (tmp_path / part).mkdir()
        for file in (Path(device.__file__).parent / part).iterdir():
            (tmp_path / part / file.name).write_bytes(file.read_bytes())
    monkeypatch.setattr(device, "_FOLDER", tmp_path)
    load_device.cache_clear()
    yield tmp_path
    load_device.cache_clear()


@pytest.mark.parametrize(
    ("right", "wrong", "said"),
    [
        ("lut = 5280", "lut = 0", "lut: input should be greater than 0"),
        ("lut = 5280", "lut = true", "lut: input should be a valid integer"),
        ("lut = 5280", 'lut = "many"', "lut: input should be a valid integer"),
        ("lut = 5280", "lut = 1" + "0" * 30, "lut: input should be less than or equal to 10000000"),
        ("lut = 5280", "", "lut: field required"),
        ("lut = 5280", "lut = 5280\ntul = 1", "tul: unexpected keyword argument"),
        ('"ice40"', '"ice41"', "family: value error, must be one of xc7, ice40, ecp5, gowin"),
        ("[power]", "[energy]", "power: field required"),
        ("static_mw = ", "static_mw = -", "power.static_mw: input should be greater than or equal"),
        ("static_mw = ", "static_mw = nan #", "power.static_mw: input should be a finite number"),
        ("lut = 5280", "lut = [[[", "Invalid value (at line 7, column 1)"),
        ("lut = 5280", "lut = " + "[" * 3000, "is nested too deeply"),
        ("lut = 5280", "lut = " + "9" * 5000, "a number has too many digits"),
    ],
)
def test_a_mistake_in_a_device_file(targets: Path, right: str, wrong: str, said: str) -> None:
    path = targets / "devices" / "up5k.toml"
    assert right in path.read_text()
    path.write_text(path.read_text().replace(right, wrong))
    with pytest.raises(UserError) as refusal:
        load_device("up5k")
    message = str(refusal.value)
    assert message.startswith(f"{path}: ") and message.isprintable()
    assert said in message
    assert load_device("xc7s15").name == "xc7s15"  # others can be read


def test_a_device_file_that_is_no_text(targets: Path) -> None:
    (targets / "devices" / "up5k.toml").write_bytes(b"\xff\xfe\x00")
    with pytest.raises(UserError, match=r"up5k\.toml: .*correct it, see docs/targets\.md"):
        load_device("up5k")


def test_a_mistake_in_a_board_file(targets: Path) -> None:
    path = targets / "boards" / "icebreaker.toml"
    path.write_text(path.read_text().replace("clock_mhz = 12", "clock_mhz = -12"))
    with pytest.raises(UserError, match=r"icebreaker\.toml: clock_mhz: input should be greater"):
        load_device("up5k")


def test_a_device_of_the_user_s_own_in_any_case(targets: Path) -> None:
    text = (targets / "devices" / "xc7s15.toml").read_text()
    (targets / "devices" / "XC7A100T.toml").write_text(text)
    assert load_device("xc7a100t").name == load_device("XC7A100T").name == "XC7A100T"


def test_the_readme_lists_every_device() -> None:
    readme = (Path(__file__).parents[2] / "README.md").read_text()
    rows = re.search(r"## Devices\n\n(.*?)\n\n", readme, re.DOTALL)
    assert rows is not None
    listed = re.findall(r"`([a-z0-9-]+)`", rows[1])
    assert sorted(listed) == sorted(device_names())
