import json
from pathlib import Path
from typing import Any

import pytest

from narrowcast.compile.area import points_file
from narrowcast.compile.features import PARTS
from narrowcast.device import load_device
from narrowcast.errors import UserError
from narrowcast.estimate import characterise as module
from narrowcast.estimate.characterise import LEAST_POINTS, characterise

DEVICE = load_device("xc7s15")
NAME = points_file(DEVICE.family, "yosys")


@pytest.fixture
def synthesised(monkeypatch: pytest.MonkeyPatch) -> list[int]:
    """Stands in for yosys; has a number for each design that it was given."""
    calls: list[int] = []

    def found(*_: Any) -> tuple[str, dict[str, dict[str, int]]]:
        calls.append(len(calls))
        return "Yosys", {key: dict.fromkeys(PARTS, 100 + len(calls)) for key in ("lut", "ff")}

    monkeypatch.setattr(module, "_synthesised", found)
    return calls


def _cut_off(*_: Any) -> None:
    raise KeyboardInterrupt


def test_a_run_that_is_cut_off_keeps_all_points(
    tmp_path: Path, synthesised: list[int], monkeypatch: pytest.MonkeyPatch
) -> None:
    characterise(DEVICE, tmp_path, tmp_path / "work", LEAST_POINTS)
    before = json.loads((tmp_path / NAME).read_text())
    with pytest.raises(KeyboardInterrupt):
        characterise(DEVICE, tmp_path, tmp_path / "work", LEAST_POINTS, _cut_off)
    assert json.loads((tmp_path / NAME).read_text()) == before
    assert len(synthesised) == LEAST_POINTS
    monkeypatch.setattr(module, "_sources_digest", lambda: "other")
    with pytest.raises(KeyboardInterrupt):
        characterise(DEVICE, tmp_path, tmp_path / "work", LEAST_POINTS, _cut_off)
    after = json.loads((tmp_path / NAME).read_text())
    assert len(after["points"]) == 1 and after["fit"] == before["fit"]


@pytest.mark.parametrize("text", ["", "[]", "3", '{"points": 3}', '{"points": [{"digest": "a"}]}'])
def test_a_file_that_is_none_of_points_is_named(tmp_path: Path, text: str) -> None:
    (tmp_path / NAME).write_text(text)
    with pytest.raises(UserError, match="delete it and run again"):
        characterise(DEVICE, tmp_path, tmp_path / "work", LEAST_POINTS)
