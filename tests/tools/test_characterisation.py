import json
from collections.abc import Callable
from importlib import import_module
from pathlib import Path
from typing import Any

import pytest

from narrowcast.errors import ToolError, UserError
from narrowcast.estimate import estimate_model
from narrowcast.estimate.area import SAMPLES, samples_file
from narrowcast.estimate.features import PARTS
from narrowcast.integer.builder import Shape
from narrowcast.integer.random_model import random_model
from narrowcast.targets.device import load_device
from narrowcast.tools import characterisation as module
from narrowcast.tools.characterisation import LEAST_SAMPLES, characterise

DEVICE = load_device("xc7s15")
NAME = samples_file(DEVICE.family.name, "yosys")
AREA = import_module("narrowcast.estimate.area")  # the package has a function of this name


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
    characterise(DEVICE, tmp_path, tmp_path / "work", LEAST_SAMPLES)
    before = json.loads((tmp_path / NAME).read_text())
    with pytest.raises(KeyboardInterrupt):
        characterise(DEVICE, tmp_path, tmp_path / "work", LEAST_SAMPLES, _cut_off)
    assert json.loads((tmp_path / NAME).read_text()) == before
    assert len(synthesised) == LEAST_SAMPLES
    monkeypatch.setattr(module, "_sources_digest", lambda: "other")
    with pytest.raises(KeyboardInterrupt):
        characterise(DEVICE, tmp_path, tmp_path / "work", LEAST_SAMPLES, _cut_off)
    after = json.loads((tmp_path / NAME).read_text())
    assert len(after["points"]) == 1 and after["fit"] == before["fit"]


@pytest.mark.parametrize("text", ["", "[]", "3", '{"points": 3}', '{"points": [{"digest": "a"}]}'])
def test_a_file_that_is_none_of_points_is_named(tmp_path: Path, text: str) -> None:
    (tmp_path / NAME).write_text(text)
    with pytest.raises(UserError, match="delete it and run again"):
        characterise(DEVICE, tmp_path, tmp_path / "work", LEAST_SAMPLES)


VIVADO = """
grep -q "synth_design .* -part xc7s15cpga196-2 .* -flatten_hierarchy rebuilt" "$5" || exit 1
cat > hierarchy.rpt <<END
| Tool Version : Vivado v.2024.1 (lin64) Build 5076996
+--------------------------+----------+------------+---------+-----+
|         Instance         |  Module  | Total LUTs | LUTRAMs | FFs |
+--------------------------+----------+------------+---------+-----+
| engine                   |    (top) |       2047 |       0 | 127 |
|   (engine)               |    (top) |        512 |       0 |  64 |
|   collect                |  collect |        256 |       0 |  32 |
|   rows                   |     rows |        576 |       0 |   0 |
|     (rows)               |     rows |          0 |       0 |   0 |
|     stores[1].with_tokens.tokens | ram |       64 |       0 |   0 |
|     with_pool.sum_of_tokens | pool |        512 |       0 |   0 |
|   ways_of_array[0].unit  |      way |        639 |       0 |  31 |
|     (ways_of_array[0].unit) |   way |        511 |       0 |  16 |
|     finish               | epilogue |         64 |       0 |   8 |
|     with_reciprocal.reciprocal | rec |        32 |       0 |   4 |
|       memory             |      ram |          0 |       0 |   0 |
|       (with_reciprocal.reciprocal) | rec |    32 |       0 |   4 |
|     with_exponentials.exponentials | rom |    16 |       0 |   2 |
|     in_pairs.lanes[3].pair |   pair |         16 |       0 |   1 |
|   columns_of_lanes       |    lanes |         64 |       0 |   0 |
|     (columns_of_lanes)   |    lanes |          0 |       0 |   0 |
|     weight_banks[0].bank |     bank |         64 |       0 |   0 |
|       (weight_banks[0].bank) | bank |         32 |       0 |   0 |
|       segments_of_bank[2].of_this_bank.tables.rest | rom | 32 | 0 | 0 |
+--------------------------+----------+------------+---------+-----+
END
"""


def test_vivado_s_instances_are_points(
    tmp_path: Path, vivado: Callable[[str], None], monkeypatch: pytest.MonkeyPatch
) -> None:
    model = random_model(Shape(4, 2, 8), (4,))
    monkeypatch.setattr(AREA, "SAMPLES", tmp_path)
    AREA._fit.cache_clear()
    yosys = (SAMPLES / NAME).read_bytes()
    (tmp_path / NAME).write_bytes(yosys)
    with pytest.raises(UserError, match="characterise --tool vivado --device xc7s15"):
        estimate_model(model, DEVICE, tool="vivado")
    vivado(VIVADO)
    characterise(DEVICE, tmp_path, tmp_path / "work", LEAST_SAMPLES, tool="vivado")
    found = json.loads((tmp_path / "xc7-vivado.json").read_text())
    assert found["tool"] == "Vivado v.2024.1" and found["date"]
    assert len(found["points"]) == LEAST_SAMPLES
    assert found["points"][0]["lut"] == {
        **{"engine": 512 + 512 + 32, "control": 256, "memories": 64 + 16 + 32},
        **{"lanes": 511 + 16, "epilogue": 64, "softmax": 32},
    }
    assert sum(found["points"][0]["ff"].values()) == 127
    AREA._fit.cache_clear()
    guess = estimate_model(model, DEVICE, tool="vivado")
    assert guess.tool == "vivado"
    assert (guess.lut, guess.ff) == pytest.approx((2047, 127), rel=0.05)
    assert guess.cycles == estimate_model(model, DEVICE).cycles
    assert (tmp_path / NAME).read_bytes() == yosys
    for damaged in ("[]", '{"fit": 5}', '{"fit": {"error": {"lut": 0.1, "ff": 0.1}}}'):
        (tmp_path / "xc7-vivado.json").write_text(damaged)
        AREA._fit.cache_clear()
        with pytest.raises(UserError, match=r"xc7-vivado\.json: is not a file of samples"):
            estimate_model(model, DEVICE, tool="vivado")
    other = json.loads(json.dumps(found))
    other["fit"]["lut"]["control"]["nonsense"] = 1.0
    (tmp_path / "xc7-vivado.json").write_text(json.dumps(other))
    AREA._fit.cache_clear()
    with pytest.raises(UserError, match="is of another version"):
        estimate_model(model, DEVICE, tool="vivado")
    (tmp_path / "xc7-vivado.json").write_text(json.dumps(found))
    vivado("echo no license; exit 3")
    again = characterise(DEVICE, tmp_path, tmp_path / "work", LEAST_SAMPLES, tool="vivado")
    assert again["points"] == found["points"]
    with pytest.raises(ToolError, match="no license"):
        characterise(DEVICE, tmp_path, tmp_path / "work", LEAST_SAMPLES + 1, tool="vivado")
    AREA._fit.cache_clear()
