"""What is said of the families, and the files of devices and boards."""

import re
from dataclasses import replace

import pytest

from narrowcast.compile import HardwareOptions, compile_model
from narrowcast.config import InterfaceName
from narrowcast.estimate import area
from narrowcast.integer.builder import Shape
from narrowcast.integer.random_model import random_model
from narrowcast.rtl import RTL
from narrowcast.targets.device import FAMILIES, boards, device_names, load_device
from narrowcast.tools.interface import INTERFACES

XC7, ICE40, ECP5, GOWIN = (FAMILIES[name] for name in ("xc7", "ice40", "ecp5", "gowin"))


@pytest.mark.parametrize(
    ("device", "a", "b", "blocks"),
    [
        ("xc7s15", 25, 18, 1),
        ("xc7s15", 26, 18, 2),
        ("xc7s15", 18, 26, 2),
        ("xc7s15", 5, 3, 0),
        ("up5k", 16, 16, 1),
        ("up5k", 18, 18, 3),  # what is left over of both, 2 x 2, is made of tables
        ("up5k", 27, 18, 4),
        ("up5k", 18, 9, 2),
        ("up5k", 18, 8, 1),
        ("up5k", 6, 4, 0),
        ("ecp5-25f", 18, 18, 1),
        ("ecp5-25f", 19, 18, 1),
        ("ecp5-25f", 20, 18, 2),
        ("hx8k", 16, 16, 0),
        ("gw1nr-9", 9, 9, 1),  # a MULT9X9
        ("gw1nr-9", 10, 4, 2),  # a MULT18X18
        ("gw1nr-9", 18, 18, 2),
        ("gw1nr-9", 21, 18, 2),  # the three bits that are left over are made of tables
        ("gw1nr-9", 22, 10, 3),
        ("gw1nr-9", 22, 18, 4),
        ("gw1nr-9", 28, 18, 4),
        ("gw1nr-9", 18, 3, 0),
    ],
)
def test_blocks_of_a_product(device: str, a: int, b: int, blocks: int) -> None:
    chosen = load_device(device)
    assert chosen.dsp_of_product(a, b) == chosen.dsp_of_product(b, a) == blocks


def test_a_product_of_the_ports_is_one_multiplier() -> None:
    for family in FAMILIES.values():
        block = family.dsp_block
        assert block is not None
        for each in block.multipliers:
            assert block.blocks(each.wide, each.narrow) == each.blocks
            assert each.blocks in block.primitives.values()


def test_lanes_of_several_blocks_are_no_more_than_these_allow() -> None:
    device = load_device("gw1nr-9")
    for input_bits, each in ((4, 1), (12, 2)):
        model = random_model(Shape(3, 7, 48), (4,), input_bits=input_bits)
        roomy = replace(device, lut=10**6, ff=10**6, blocks=10**3)
        design = compile_model(model, roomy, area, HardwareOptions(lanes=8, ways=1, pairs=False))
        bits = design.constants["X_BITS"], design.constants["LANE_BITS"]
        assert design.array.blocks == device.dsp_of_product(*bits) == each
        assert 8 * each == design.array.dsp <= design.dsp <= device.dsp


def test_a_device_without_dsp_blocks() -> None:
    device = load_device("hx8k")
    assert device.family is load_device("up5k").family
    assert device.dsp == 0 and device.dsp_block is None
    assert "-dsp" not in device.synthesis_options
    assert "-dsp" in load_device("up5k").synthesis_options


def test_lanes_with_products_too_small_for_a_block_take_none() -> None:
    narrow = random_model(Shape(3, 2, 8), (2,), input_bits=2, output_bits=8)
    device = load_device("up5k")
    design = compile_model(narrow, device, area, HardwareOptions(lanes=2, ways=1))
    x_bits, w_bits = design.constants["X_BITS"], design.constants["LANE_BITS"]
    assert device.dsp_of_product(x_bits, w_bits) == 0
    assert design.dsp < design.array.dsp + 3


def test_look_up_tables_of_read_only_memories() -> None:
    assert XC7.rom_luts(64, 10) == 10
    assert XC7.rom_luts(1024, 8) == 8 * (16 + 5)  # a table of six inputs chooses among four
    assert XC7.rom_luts(65, 1) == 2 + 1
    assert ECP5.rom_luts(64, 10) == 10 * 4  # PFUMX and L6MUX21 join four
    assert ICE40.rom_luts(64, 10) == 10 * 7  # tables join four
    assert ICE40.rom_luts(16, 10) == ECP5.rom_luts(16, 10) == 10
    assert ICE40.rom_luts(128 + 17, 1) == 7 + 7 + 3 + 2


def test_look_up_tables_of_ram() -> None:
    assert ICE40.distributed_ram is None
    ram = XC7.distributed_ram
    assert ram is not None and ram.depth == 64
    assert ram.luts(32, 6) == ram.luts(64, 3) == 4
    assert ram.primitives_luts(32, 6) == 4 and ram.primitives_luts(33, 3) == 4
    assert ram.primitives_luts(65, 3) == 8 and ram.primitives_luts(129, 3) == 16
    assert ram.luts(128, 3) == 8 + 2
    ram = ECP5.distributed_ram
    assert ram is not None and ram.depth == 16
    assert ram.primitives_luts(16, 4) == 6 and ram.primitives_luts(17, 5) == 24
    assert ram.luts(17, 5) == 24 + 5
    ram = GOWIN.distributed_ram
    assert ram is not None and ram.primitives_luts(16, 4) == 8 and ram.luts(17, 5) == 32 + 5


def test_every_board_has_a_device_that_can_be_placed() -> None:
    found = boards()
    names = {board.name for board in found}
    assert names >= {"iCEBreaker", "ULX3S", "iCE40-HX8K breakout", "Tang Nano 9K", "Tang Nano 20K"}
    for board in found:
        assert board.device in device_names()
        device = load_device(board.device)
        tools = device.family.place_and_route
        assert tools is not None and device.place_options
        assert "uart" in board.constraints
        for interface, file in board.constraints.items():
            assert any(file.rpartition(".")[2] in option for option in tools.constraints)
            text = re.sub(r"^#.*|^//.*", "", board.constraints_text(interface), flags=re.MULTILINE)
            assert all(re.search(rf"\b{port}\b", text) for port in ports(interface)), file


def ports(interface: InterfaceName) -> list[str]:
    """Return the ports of an interface's top entity."""
    top = (RTL / f"{INTERFACES[interface].top}.vhd").read_text()
    return re.findall(r"^ +(\w+) *: (?:in|out) ", top, re.MULTILINE)


def test_a_device_has_the_board_that_names_it() -> None:
    assert {name: load_device(name).board for name in device_names()} == {
        name: next((board for board in boards() if board.device == name), None)
        for name in device_names()
    }
    assert load_device("xc7s15").board is None
    up5k = load_device("up5k").board
    assert up5k is not None and up5k.name == "iCEBreaker" and up5k.clock_mhz == 12.0


@pytest.mark.parametrize("name", device_names())
def test_every_device_has_a_clock_that_it_reaches(name: str) -> None:
    device = load_device(name)
    assert device.clock_warning(device.clock_mhz) is None
    assert device.clock("auto") == device.clock_mhz and device.clock(33.0) == 33.0
    if device.board is not None:
        assert device.clock_mhz == device.board.clock_mhz
    assert f"{name}; the fastest reaches" in (device.clock_warning(device.reach_mhz + 1) or "")


@pytest.mark.parametrize("name", device_names())
def test_every_device_can_be_configured(name: str) -> None:
    configuration = load_device(name).configuration
    assert 0 < configuration.compression <= 1 and 10 < configuration.ms < 6500
    assert (configuration.mj is None) == (configuration.error == 0)


def test_the_xc7s15_is_read_in_sixteen_milliseconds_at_best() -> None:
    whole = replace(load_device("xc7s15").configuration, compression=1.0, startup_ms=0.0)
    assert whole.bits == 4_310_752 and whole.ms == pytest.approx(16.3, abs=0.1)


def test_replacing_the_dsp_blocks_leaves_a_device_without_them() -> None:
    device = replace(load_device("ecp5-25f"), dsp=0)
    design = compile_model(random_model(Shape(3, 2, 4), (4,)), replace(device, lut=10**6), area)
    assert design.dsp == 0 and {kind.value for kind in design.array.kinds} == {"trees"}
