"""The engine between two AXI4-Streams: what ``axis_engine.vhd`` promises."""

import random
from collections.abc import Sequence
from pathlib import Path

import numpy as np
import pytest

from graphs import graph_model
from narrowcast.compile import HardwareOptions, compile_model
from narrowcast.estimate import area
from narrowcast.integer import IntegerModel, execute_words, reset_state
from narrowcast.integer.builder import Shape
from narrowcast.integer.random_model import random_model
from narrowcast.targets.device import load_device
from narrowcast.tools.ghdl import AXIS_MONITOR, AXIS_SOURCES, analyse
from narrowcast.tools.process import require, run
from words import random_words

WORD, RESET, HEAR, IDLE = range(4)
WINDOW = random_model(Shape(3, 2, 4, outputs=2), (4, 8), 3, output_bits=11)
STREAM = random_model(Shape(3, 1, 4, heads=2, kind="stream"), (4, 8), 3)
MODELS = {
    "window": WINDOW,
    "stream of single words": STREAM,
    "decisions": graph_model("decisions_beside_others"),
}


class Wrapper:
    """The twin of ``axis_engine``: takes words, and knows which packets come out."""

    def __init__(self, model: IntegerModel) -> None:
        self.model = model
        self.bits = max(tensor.bits for tensor in model.input_tensors)
        self.script: list[tuple[int, int, int, int]] = []
        self.events: list[str] = []
        self.answers = 0
        self.reset()

    def reset(self) -> None:
        self.state = reset_state(self.model)
        self.packet: list[int] = []
        self.restart = False
        self.discarding = False

    def take(self, word: int, *, last: bool, user: bool = False) -> None:
        """Send a word."""
        self.script.append((WORD, word % (1 << self.bits), int(last), int(user)))
        if self.discarding:
            self.discarding = not last
            return
        if not self.packet:
            self.restart = user
        self.packet.append(word)
        if last != (len(self.packet) == self.model.input_words):
            if last or len(self.packet) == self.model.input_words:
                self.reset()
                self.discarding = not last
                self.events.append("error")
        elif last:
            self._answer()

    def _answer(self) -> None:
        flags = np.array([self.restart]) if self.model.states else None
        words = np.array([self.packet])
        (answer,) = execute_words(self.model, words, flags, self.state).tolist()
        ends = [0] * (len(answer) - 1) + [1]
        self.events += [f"word {word} {end}" for word, end in zip(answer, ends, strict=True)]
        self.answers += 1
        self.packet = []

    def send(self, words: Sequence[int], *, restart: bool = False) -> None:
        """Send a packet, whatever its length."""
        for i, word in enumerate(words):
            self.take(word, last=i == len(words) - 1, user=restart and i == 0)

    def hear(self) -> None:
        self.script.append((HEAR, self.answers, 0, 0))

    def idle(self, clocks: int) -> None:
        self.script.append((IDLE, clocks, 0, 0))

    def pull_reset(self, clocks: int = 1) -> None:
        self.script.append((RESET, clocks, 0, 0))
        self.events.append("reset")
        self.reset()


class Bench:
    """``axis_script_tb`` with the engine of a model."""

    def __init__(self, model: IntegerModel, folder: Path) -> None:
        options = HardwareOptions(lanes=4)
        design = compile_model(model, load_device("xc7s15"), area, options)
        self.work, self.cycles, self.model = folder / "work", design.cycles, model
        design.write_rtl(folder / "rtl")
        sources = (folder / "rtl" / name for name in AXIS_SOURCES)
        bench = Path(__file__).with_name("axis_script_tb.vhd")
        analyse(folder / "rtl", self.work, *sources, AXIS_MONITOR, bench)

    def run(
        self, host: Wrapper, in_stalls: int = 0, out_stalls: int = 0, *, after_valid: bool = False
    ) -> list[str]:
        """Return what comes out, without the reset at the beginning."""
        lines = (" ".join(map(str, command)) for command in host.script)
        (self.work / "script.txt").write_text("\n".join(lines) + "\n")
        run(
            [
                *(require("ghdl"), "-r", "--std=08", "axis_script_tb", "-gSCRIPT_FILE=script.txt"),
                *("-gOUTPUT_FILE=out.txt", f"-gIN_STALLS={in_stalls}"),
                *(f"-gOUT_STALLS={out_stalls}", f"-gAFTER_VALID={str(after_valid).lower()}"),
                *("--ieee-asserts=disable", "--max-stack-alloc=0", "--stop-time=50ms"),
            ],
            self.work,
        )
        first, *rest = (self.work / "out.txt").read_text().splitlines()
        assert first == "reset"
        self.measured = {line for line in rest if line.startswith("cycles")}
        return [line for line in rest if not line.startswith("cycles")]


@pytest.fixture(scope="module", params=MODELS)
def bench(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> Bench:
    return Bench(MODELS[request.param], tmp_path_factory.mktemp("axis"))


STALLS = [(60, 0, True), (30, 60, False), (0, 60, False)]


@pytest.mark.parametrize(("in_stalls", "out_stalls", "after_valid"), STALLS)
def test_packets_of_any_length(
    bench: Bench, in_stalls: int, out_stalls: int, after_valid: bool
) -> None:
    """Good packets are answered; short and long ones are reported, and nothing of them stays."""
    noise = random.Random(in_stalls)
    host, words = Wrapper(bench.model), bench.model.input_words
    inputs = random_words(bench.model, 20)[0].tolist()
    for window, content in enumerate(inputs):
        length = words
        if noise.random() < 0.5:
            length = noise.choice([1, words - 1, words + 1, 2 * words, 2 * words + 1, words]) or 1
        packet = (content + inputs[window - 1] + inputs[window - 2])[:length]
        host.send(packet, restart=noise.random() < 0.2)
        host.idle(noise.choice([0, 0, 1, 5]))
    host.hear()
    assert host.events.count("error") > 3 and host.answers > 7
    assert bench.run(host, in_stalls, out_stalls, after_valid=after_valid) == host.events


def test_restart_counts_with_the_first_word_only(bench: Bench) -> None:
    host = Wrapper(bench.model)
    inputs = random_words(bench.model, 8)[0].tolist()
    for window, content in enumerate(inputs):
        for i, word in enumerate(content):
            host.take(word, last=i == len(content) - 1, user=i > 0 or window == 6)
    host.hear()
    assert bench.run(host) == host.events


def test_resets_at_any_time(bench: Bench) -> None:
    """A reset breaks off what comes in, what runs and what comes out; then all is as at first."""
    host, words = Wrapper(bench.model), bench.model.input_words
    inputs = random_words(bench.model, 24)[0].tolist()
    attempts = range(-words, bench.cycles + 10, 1 + (bench.cycles + words) // 12)
    for k, clocks in enumerate(attempts):
        if clocks < 0:  # in a packet
            for word in inputs[k % 24][:clocks]:
                host.take(word, last=False)
        elif k % 3 == 1:  # in one that is too long
            for word in [*inputs[k % 24], *inputs[0]]:
                host.take(word, last=False)
        else:
            host.send(inputs[k % 24])
            host.idle(clocks)
        host.pull_reset(1 + k % 2)
        host.send(inputs[(k + 1) % 24])
        host.idle(bench.cycles + 20)
    found = bench.run(host, 0, 40)
    groups = [("\n".join(each)).split("reset") for each in (found, host.events)]
    assert len(groups[0]) == len(groups[1]) > 10
    broken = 0
    for seen, due in zip(*groups, strict=True):
        answers = due.strip().splitlines()
        known = seen.strip().splitlines()
        assert answers[: len(known)] == known
        broken += answers != known
    assert 0 < broken < len(groups[0])


def test_the_wrapper_costs_no_clock(bench: Bench) -> None:
    """Packets back to back take the cycles of the engine each, from the first word in."""
    host = Wrapper(bench.model)
    inputs = random_words(bench.model, 5)[0].tolist()
    for content in inputs:
        host.send(content)
    host.hear()
    assert bench.run(host) == host.events
    assert bench.measured == {f"cycles {bench.cycles}"}
