"""What place and route makes, against the integer model; test_boards.py always simulates one."""

from collections.abc import Callable
from dataclasses import dataclass
from functools import cache
from pathlib import Path

import pytest

from faults import ALL_IN_BLOCKS, FAULTS, Netlist
from narrowcast.compile import Design, HardwareOptions, compile_model
from narrowcast.config import InterfaceName
from narrowcast.estimate import area
from narrowcast.integer import IntegerModel
from narrowcast.integer.builder import Shape
from narrowcast.integer.random_model import random_model
from narrowcast.targets.device import load_device
from narrowcast.tools.netlist_simulation import routed_windows
from narrowcast.tools.nextpnr import place, routed_netlist
from narrowcast.tools.verification import Checked
from routed import SHA256, check_routed, fault_is_found
from words import stream_words


@dataclass(frozen=True)
class Routed:
    """A routed netlist, what it was made of, and a folder for its simulation."""

    netlist: Netlist
    design: Design
    interface: InterfaceName
    work: Path


def route(design: Design, interface: InterfaceName, work: Path) -> Routed:
    design.write_rtl(work / "rtl", SHA256)
    place(work / "rtl", design.device, work / "placed", interface=interface)
    netlist = routed_netlist(work / "placed", interface)
    return Routed(netlist, design, interface, work / "simulation")


def compiled(device: str, model: IntegerModel, *, state_access: bool = False) -> Design:
    options = HardwareOptions(2, ALL_IN_BLOCKS, ways=1, state_access=state_access)
    return compile_model(model, load_device(device), area, options)


def attention() -> IntegerModel:
    return random_model(Shape(3, 1, 4, outputs=2), (4,), 3)


@pytest.fixture(scope="module")
def routed(tmp_path_factory: pytest.TempPathFactory) -> Callable[[str, InterfaceName], Routed]:
    @cache
    def make(device: str, interface: InterfaceName) -> Routed:
        return route(compiled(device, attention()), interface, tmp_path_factory.mktemp(device))

    return make


Make = Callable[[str, InterfaceName], Routed]
BOARDS = [
    *(
        ("up5k", "uart"),
        ("up5k", "spi"),
        ("hx8k", "uart"),
        ("ecp5-25f", "uart"),
        ("ecp5-25f", "spi"),
    ),
    *(("gw1nr-9", "uart"), ("gw2ar-18", "uart")),
]


@pytest.mark.long
@pytest.mark.parametrize(("device", "interface"), BOARDS)
def test_the_routed_netlist_answers_as_the_integer_model(
    routed: Make, device: str, interface: InterfaceName
) -> None:
    made = routed(device, interface)
    assert check_routed(made.netlist, made.design, interface, made.work) == Checked(2, 0)


@pytest.mark.long
def test_weights_that_a_host_loads(tmp_path: Path) -> None:
    """They lie in the memory from the beginning, or come over the line."""
    options = HardwareOptions(2, ALL_IN_BLOCKS | {"weights": "spram"}, ways=1)
    design = compile_model(attention(), load_device("up5k"), area, options)
    made = route(design, "uart", tmp_path)
    for held in (True, False):
        ends = (made.netlist, made.design, made.interface, tmp_path / f"held_{held}")
        assert check_routed(*ends, held=held) == Checked(2, 0)


@pytest.mark.long
@pytest.mark.parametrize("kind", FAULTS)
@pytest.mark.parametrize("device", ["up5k", "ecp5-25f", "gw1nr-9"])
def test_five_faults_of_all_families(routed: Make, device: str, kind: str) -> None:
    """Of those drawn, some lie where these windows never look."""
    made, found = routed(device, "uart"), 0
    for seed in range(1, 25):
        found += fault_is_found(made.netlist, made.design, "uart", made.work, kind, seed)
        if found == 5:
            return
    pytest.fail(f"only {found} of 24 faults were found")


@pytest.mark.long
@pytest.mark.parametrize("device", ["up5k", "ecp5-25f", "gw1nr-9"])
def test_a_stream_with_state_access(tmp_path: Path, device: str) -> None:
    model = random_model(Shape(3, 1, 4, heads=2, kind="stream"), (4,), 3)
    made = route(compiled(device, model, state_access=True), "uart", tmp_path)
    words = stream_words(model, 5)
    assert check_routed(made.netlist, made.design, "uart", made.work, words) == Checked(5, 0)


def test_few_windows_on_a_slow_line() -> None:
    """A byte takes 1,040 clocks at 12 MHz and 115,200 baud, and 64 on SPI."""
    design = compiled("up5k", random_model(Shape(12, 7, 4), (4,), 3))
    few = routed_windows(design.model, design.device, "uart", design.cycles)
    assert few == slice(2)
    assert routed_windows(design.model, design.device, "spi", design.cycles) == slice(3)
    assert routed_windows(design.model, design.device, "uart", 10**6) == slice(1)
