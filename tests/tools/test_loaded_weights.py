"""Weights that a host loads: an engine without them, and models that it takes and refuses."""

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

from board import SHA256
from narrowcast.compile import Design, HardwareOptions, compile_model
from narrowcast.compile.design import UNNAMED
from narrowcast.config import InterfaceName
from narrowcast.errors import UserError
from narrowcast.estimate import area
from narrowcast.estimate.estimator import estimate_design
from narrowcast.export.core import Core
from narrowcast.host import Link, Port
from narrowcast.host.ports import simulated_port
from narrowcast.integer import IntegerModel, Linear, execute_words
from narrowcast.integer.builder import Shape
from narrowcast.integer.loaded_weights import LoadedWeights
from narrowcast.integer.random_model import random_model
from narrowcast.targets.device import load_device
from narrowcast.tools.ghdl import to_verilog
from narrowcast.tools.interface import INTERFACES
from narrowcast.tools.netlist_simulation import check_netlist
from narrowcast.tools.simulate import simulate_ghdl, simulate_verilator
from narrowcast.tools.simulated_board import board_command
from narrowcast.tools.verification import Checked
from narrowcast.tools.yosys import of_netlist, run_yosys
from words import random_words, stream_words

LOAD, HELD = b"\xab", b"\xac"
UP5K = load_device("up5k")
MODEL = random_model(Shape(3, 2, 4, heads=2), (4, 8), 3)
STREAM = random_model(Shape(3, 2, 4, heads=2, kind="stream"), (5,), 2)
IN_SPRAM = HardwareOptions(storage={"weights": "spram"})


def other_weights(model: IntegerModel, **others: np.ndarray) -> IntegerModel:
    """Return a model with the weights of each sum in reverse order, which leaves all else alone."""
    names = {step.weights for step in model.operations if isinstance(step, Linear)}
    turned = {name: np.ascontiguousarray(model.arrays[name][:, ::-1]) for name in names}
    return replace(model, arrays={**model.arrays, **turned, **others})


def in_spram(model: IntegerModel) -> Design:
    return compile_model(model, UP5K, area, IN_SPRAM)


def loaded(design: Design) -> LoadedWeights:
    assert design.loaded_weights is not None
    return design.loaded_weights


@pytest.fixture(scope="module")
def design() -> Design:
    return in_spram(MODEL)


@pytest.fixture(scope="module")
def folder(design: Design, tmp_path_factory: pytest.TempPathFactory) -> Path:
    path = tmp_path_factory.mktemp("loaded")
    design.write_rtl(path / "rtl")
    return path


def test_an_engine_has_no_weights(design: Design) -> None:
    """Two models with the same of all else are one engine, and others are not."""
    other = in_spram(other_weights(MODEL))
    assert loaded(other).engine == loaded(design).engine
    assert loaded(other).content != loaded(design).content
    assert len(loaded(other).content) == len(loaded(design).content)
    assert design.identity(SHA256) == other.identity("ab" * 32)
    name = next(step.bias for step in MODEL.operations if isinstance(step, Linear))
    biased = in_spram(other_weights(MODEL, **{name: MODEL.arrays[name] - 1}))
    assert loaded(biased).engine != loaded(design).engine


def test_weights_are_kept_in_a_file(design: Design, folder: Path, tmp_path: Path) -> None:
    assert LoadedWeights.read(folder / "rtl") == loaded(design)
    assert LoadedWeights.read(folder / "rtl", UNNAMED) == loaded(design)
    assert LoadedWeights.read(tmp_path) is None
    with pytest.raises(UserError, match="the weights of another model than its output folder: run"):
        LoadedWeights.read(folder / "rtl", SHA256)
    for at in (70, -1):
        content = bytearray((folder / "rtl" / "weights.bin").read_bytes())
        content[at] ^= 1
        (tmp_path / "weights.bin").write_bytes(content)
        with pytest.raises(UserError, match=r"weights\.bin: is damaged: run 'narrowcast compile"):
            LoadedWeights.read(tmp_path)


def test_simulations_load_the_weights(folder: Path, design: Design) -> None:
    inputs, expected = random_words(MODEL, 6)
    for simulate, windows in ((simulate_ghdl, 3), (simulate_verilator, 6)):
        work = folder / simulate.__name__
        found = simulate(folder / "rtl", MODEL, inputs[:windows], expected[:windows], work)
        assert (found.mismatches, found.cycles) == (0, design.cycles)


def test_streams(tmp_path: Path) -> None:
    design = in_spram(STREAM)
    design.write_rtl(tmp_path / "rtl")
    inputs, restart, expected = stream_words(STREAM, 20)
    ends = (tmp_path / "rtl", STREAM, inputs, expected, tmp_path / "work")
    found = simulate_ghdl(*ends, restart=restart)
    assert (found.mismatches, found.cycles) == (0, design.cycles)


@contextmanager
def board(folder: Path, design: Design, interface: InterfaceName) -> Iterator[Port]:
    command = board_command(folder / "rtl", design.cycles, interface)
    port = simulated_port(command, "board", interface)
    port.seconds = 5.0
    try:
        yield port
    finally:
        port.close()


def asked(port: Port, content: bytes) -> bytes:
    port.clear()
    port.write(content)
    return port.read(5)


class Silent(Link):
    """A link that loads no weights."""

    def _load(self) -> None:
        pass


@pytest.mark.parametrize("interface", INTERFACES)
def test_a_board_infers_with_checked_weights_only(
    folder: Path, design: Design, interface: InterfaceName
) -> None:
    inputs, expected = random_words(MODEL, 4)
    weights, second = loaded(design), other_weights(MODEL)
    frame = LOAD + weights.content + weights.check

    def refuses(port: Port) -> bool:
        """Return whether a window gets no answer, and the next question its own."""
        link, patience = Silent(port, MODEL, SHA256, attempts=1, weights=weights), port.seconds
        port.seconds = 0.5
        with pytest.raises(UserError, match="the board has stopped answering"):
            link.send(inputs[0])
        port.seconds = patience
        return asked(port, HELD) == bytes(5)

    with board(folder, design, interface) as port:
        assert refuses(port)
        for damaged in (frame[:9] + bytes([frame[9] ^ 16]) + frame[10:], frame[:-1] + b"\0"):
            assert asked(port, damaged) == bytes(5)
            assert refuses(port)
        link = Link(port, MODEL, SHA256, attempts=1, weights=weights)
        assert np.array_equal([link.send(each).words for each in inputs], expected)
        assert asked(port, HELD) == weights.answer
        assert np.array_equal(link.send(inputs[0]).words, expected[0])
        # another model, without another bitstream
        of_second = loaded(in_spram(second))
        words, due = random_words(second, 4)
        link = Link(port, second, "cd" * 32, attempts=1, weights=of_second)
        assert np.array_equal([link.send(each).words for each in words], due)
        assert not np.array_equal(expected, due)
        # weights that break off
        assert asked(port, frame[:40]) == b""
        assert refuses(port)


def test_states_stay_while_weights_are_examined(tmp_path: Path) -> None:
    design = compile_model(STREAM, UP5K, area, replace(IN_SPRAM, state_access=True))
    design.write_rtl(tmp_path / "rtl")
    words, _ = random_words(STREAM, 8)
    expected = execute_words(STREAM, words, np.arange(8) == 0)
    weights = loaded(design)
    with board(tmp_path, design, "uart") as port:
        link = Link(port, STREAM, SHA256, attempts=1, weights=weights)
        answers = [link.send(each).words for each in words[:3]]
        assert asked(port, HELD) == weights.answer
        answers += [link.send(each).words for each in words[3:6]]
        # a load drops them
        assert asked(port, LOAD + weights.content + weights.check) == weights.answer
        link.restore(link.rows)
        answers += [link.send(each).words for each in words[6:]]
    assert np.array_equal(answers, expected)


def test_other_engines_are_refused(folder: Path, design: Design) -> None:
    biased = replace(MODEL, arrays=dict(MODEL.arrays))
    name = next(step.bias for step in MODEL.operations if isinstance(step, Linear))
    biased = other_weights(MODEL, **{name: MODEL.arrays[name] - 1})
    with board(folder, design, "uart") as port:
        with pytest.raises(UserError, match=r"^board: the weights are for another engine than"):
            Link(port, biased, SHA256, weights=loaded(in_spram(biased)))
        with pytest.raises(UserError, match=r"^board: the board takes its weights from a host"):
            Link(port, MODEL, SHA256)


@pytest.mark.parametrize(
    ("device", "storage", "said"),
    [
        ("hx8k", {"weights": "spram"}, "hardware.storage.weights: hx8k has no SPRAM; take 'block'"),
        ("up5k", {"keys": "spram"}, "hardware.storage.keys: 'spram' is for weights only"),
        ("up5k", {"weights": "sprom"}, "'sprom' is not 'auto', 'block', 'distributed' or 'spram'"),
    ],
)
def test_misuse_is_refused(device: str, storage: dict[str, str], said: str) -> None:
    with pytest.raises(UserError) as caught:
        compile_model(MODEL, load_device(device), area, HardwareOptions(storage=storage))
    assert said in str(caught.value)


def test_what_spram_cannot_hold_is_refused() -> None:
    model = random_model(Shape(2, 2, 160, heads=4), (8,), 1)
    said = r"^the model does not fit up5k: it needs \d+ SPRAM of 4, \d+ too many; lower hardware"
    with pytest.raises(UserError, match=said):
        compile_model(model, UP5K, area, replace(IN_SPRAM, lanes=2))


def test_auto_takes_spram_only_if_nothing_else_fits() -> None:
    assert not compile_model(MODEL, UP5K, area).images.loaded
    large = random_model(Shape(6, 3, 32, heads=4), (8,), 1)
    design = compile_model(large, UP5K, area)
    assert design.images.loaded
    found = estimate_design(design)
    assert found.fits and found.sprams == sum(each.sprams for each in design.buffers) > 0
    assert any(line.startswith("SPRAM:") for line in found.lines())
    for storage in ("block", "distributed"):
        with pytest.raises(UserError, match="the model does not fit up5k"):
            compile_model(large, UP5K, area, HardwareOptions(storage={"weights": storage}))


def test_a_core_has_no_host(folder: Path, tmp_path: Path) -> None:
    core = Core("pump", folder / "rtl", MODEL, 1, *random_words(MODEL, 2), None)
    with pytest.raises(UserError, match="a host loads the weights of this design"):
        core.write(tmp_path / "core")
    assert not (tmp_path / "core").exists()


@pytest.mark.long
def test_the_netlist_loads_the_weights(folder: Path, design: Design) -> None:
    work = folder / "yosys"
    tool, netlist = run_yosys(to_verilog(folder / "rtl", work), "engine", UP5K)
    synthesis = of_netlist(tool, netlist, UP5K)
    assert synthesis.spram == sum(each.sprams for each in design.buffers)
    assert synthesis.bram == sum(each.blocks for each in design.buffers)
    found = area(design)
    assert abs(found.lut / synthesis.lut - 1) < found.lut_error
    assert abs(found.ff / synthesis.ff - 1) < found.ff_error
    inputs, expected = random_words(MODEL, 3)
    ends = (netlist, UP5K.family, MODEL, inputs, expected, None, None)
    found_in = check_netlist(*ends, design.cycles, work / "sim", weights=loaded(design))
    assert found_in == Checked(3, 0)
