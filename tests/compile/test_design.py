import hashlib
import re
from dataclasses import replace
from pathlib import Path

import pytest

from graphs import graph_model
from narrowcast.compile import TRACE_ORDER, HardwareOptions, compile_model, select
from narrowcast.compile.compilation import Compilation
from narrowcast.compile.design import too_large
from narrowcast.compile.program import engine_graph
from narrowcast.compile.select import arrays
from narrowcast.errors import UserError
from narrowcast.estimate import area
from narrowcast.integer.analysis import analyse
from narrowcast.integer.builder import Shape
from narrowcast.integer.random_model import random_model
from narrowcast.targets.device import Device, device_names, load_device
from narrowcast.tools.ghdl import AXIS_SOURCES, SOURCES
from narrowcast.tools.interface import INTERFACES

SMALL = Shape(4, 3, 8, heads=2)
# around the engine
OTHERS = (
    *(name for interface in INTERFACES.values() for name in interface.sources),
    *AXIS_SOURCES,
)


def refusal(shape: Shape, device: Device, options: HardwareOptions | None = None) -> str:
    with pytest.raises(UserError) as caught:
        compile_model(random_model(shape, (8,), 0), device, area, options)
    text = str(caught.value)
    assert "\n" not in text
    return text


def test_too_many_lanes() -> None:
    device = load_device("xc7s15")
    for lanes, ways in ((60, 1), (200, None)):
        text = refusal(SMALL, device, HardwareOptions(lanes=lanes, ways=ways))
        match = re.fullmatch(
            r"the model does not fit xc7s15: it needs (\d+) DSP of 20, (\d+) too many; "
            r"lower hardware.lanes",
            text,
        )
        assert match is not None, text
        assert int(match[1]) - 20 == int(match[2])
        assert lanes // 2 < int(match[1]) <= lanes // 2 + 4


@pytest.mark.parametrize("lanes", [1, 3, 6])
def test_lanes_that_two_ways_cannot_share(lanes: int) -> None:
    text = refusal(SMALL, load_device("xc7s15"), HardwareOptions(lanes=lanes, ways=2))
    assert text == f"hardware.lanes: two ways take a multiple of 4 lanes, not {lanes}"


def test_two_ways_of_one_row() -> None:
    with pytest.raises(
        UserError, match=r"^hardware.ways: no operation of the model has several rows"
    ):
        compile_model(
            *(graph_model("one_row"), load_device("xc7s15"), area, HardwareOptions(ways=2))
        )


def test_what_the_engine_does_not_take() -> None:
    device = load_device("xc7s15")
    for options, text in (
        (HardwareOptions(lanes=0), "hardware.lanes: the engine takes from 1 to 4096, not 0"),
        (HardwareOptions(lanes=4097), "hardware.lanes: the engine takes from 1 to 4096, not 4097"),
        (HardwareOptions(ways=3), "hardware.ways: the engine takes from 1 to 2, not 3"),
        (
            HardwareOptions(lanes=5, pairs=True),
            "hardware.lanes: pairs take an even number of lanes, not 5",
        ),
        (
            HardwareOptions(ways=1, tables=True),
            "hardware.second_way: there is none with hardware.ways = 1",
        ),
    ):
        assert refusal(SMALL, device, options) == text
    text = refusal(SMALL, load_device("up5k"), HardwareOptions(pairs=True))
    assert text.startswith("hardware.pairs: two lanes of this model do not share a DSP block of")
    text = refusal(SMALL, load_device("hx8k"), HardwareOptions(pairs=True))
    assert text.startswith("hardware.pairs: hx8k has no DSP")
    text = refusal(SMALL, load_device("hx8k"), HardwareOptions(ways=2, tables=False))
    assert text.startswith("hardware.second_way: hx8k has no DSP")
    text = refusal(*(SMALL, load_device("up5k"), HardwareOptions(storage={"keys": "distributed"})))
    assert text.startswith("hardware.storage: up5k has no distributed RAM, which keys would need")


def test_too_many_tables() -> None:
    text = refusal(Shape(12, 7, 128), load_device("xc7s6"))
    match = re.search(
        r"fit xc7s6: it needs ([\d.e+]+) LUT \((?:estimated|for the weights alone)\) of (\d+), "
        r"([\d.e+]+) too",
        text,
    )
    assert match is not None, text
    need, have, over = map(float, match.groups())
    assert have == load_device("xc7s6").lut
    assert over == pytest.approx(need - have, rel=1e-4) and over > 0
    assert "quantization.bits" in text and "hardware.device" in text


def test_large_numbers_are_written_out() -> None:
    error = too_large(load_device("xc7s6"), 1_234_567, 3750, "LUT", "shrink it")
    assert "needs 1234567 LUT of 3750, 1230817 too many; shrink it" in str(error)


def test_too_much_block_memory() -> None:
    device = replace(load_device("xc7s15"), blocks=2)
    text = refusal(Shape(6, 7, 64), device, HardwareOptions(storage={"weights": "block"}))
    assert re.search(
        r"needs \d+ RAMB18 of 2, \d+ too many; set hardware.storage to 'auto'", text
    ), text


def test_no_room_for_the_epilogue() -> None:
    assert "2 DSP" in refusal(SMALL, replace(load_device("xc7s15"), dsp=2))


def test_unknown_device() -> None:
    with pytest.raises(UserError) as caught:
        load_device("xc7s16")
    text = str(caught.value)
    assert text.startswith("hardware.device: unknown device 'xc7s16'")
    assert "xc7s15" in text and "\n" not in text


def test_devices() -> None:
    assert {"xc7s6", "xc7s15", "xc7s25", "up5k", "hx8k", "ecp5-25f"} <= set(device_names())
    for name in device_names():
        device = load_device(name)
        assert device.name == name
        assert min(device.lut, device.ff, device.blocks) > 0 <= device.dsp


def test_the_default_is_no_slower_than_one_way_of_all_dsps() -> None:
    device = load_device("xc7s15")
    for bits in (4, 8):
        model = random_model(Shape(6, 7, 64), (bits,), 0)
        design = compile_model(model, device, area)
        assert design.dsp <= device.dsp and area(design).lut <= device.lut
        options = HardwareOptions(lanes=32, ways=1)
        one = compile_model(model, replace(device, lut=10**6), area, options)
        assert design.cycles <= 1.05 * one.cycles


def test_of_a_program_of_many_jobs_few_arrays_are_tried(monkeypatch: pytest.MonkeyPatch) -> None:
    model = random_model(Shape(6, 7, 64), (4,), 0)
    compilation = Compilation(engine_graph(analyse(model)), load_device("xc7s15"))
    every = arrays(compilation, HardwareOptions())
    jobs = sum(step.rows for step in compilation.steps(every[0]))
    fewest = min(array.lanes for array in every)
    for most in (1, 2, 4):
        monkeypatch.setattr(select, "MOST_PLACED", most * jobs)
        few = arrays(compilation, HardwareOptions())
        assert len(few) == max(2, most) < len(every)
        assert few[0] in every[: select.TRIED] and few[-1].lanes == fewest


def test_sources_are_written(tmp_path: Path) -> None:
    model, device = random_model(SMALL, (8,), 0), load_device("xc7s15")
    four, six = HardwareOptions(lanes=4), HardwareOptions(lanes=6)
    design = compile_model(model, device, area, four)
    design.write_rtl(tmp_path / "rtl")
    assert {p.name for p in (tmp_path / "rtl").iterdir()} == {*SOURCES, *OTHERS, TRACE_ORDER}
    package = (tmp_path / "rtl" / "engine_config.vhd").read_bytes()
    assert hashlib.sha256(package).hexdigest() == design.digest
    assert compile_model(model, device, area, four).digest == design.digest
    assert compile_model(model, device, area, six).digest != design.digest
    assert max(len(line) for line in package.splitlines()) < 2000
