"""The engine behind each interface, as a host sees it: what docs/boards.md promises."""

from copy import deepcopy
from pathlib import Path

import numpy as np
import pytest

from graphs import graph_model
from narrowcast.compile import HardwareOptions, compile_model
from narrowcast.config import InterfaceName
from narrowcast.estimate import area
from narrowcast.integer import (
    IntegerModel,
    State,
    execute_words,
    pack_rows,
    pack_state,
    reset_state,
)
from narrowcast.integer.builder import GraphBuilder, Shape
from narrowcast.integer.identity import Identity, word_bytes
from narrowcast.integer.model import Array, Tensor
from narrowcast.integer.random_model import random_graph, random_model
from narrowcast.targets.device import load_device
from narrowcast.tools.ghdl import analyse
from narrowcast.tools.interface import INTERFACES
from narrowcast.tools.process import require, run
from words import random_words

SYNC, FIRST = 0xA5, 0xA6
SYNC_KEEP, FIRST_KEEP, RESTORE = 0xA7, 0xA8, 0xA9
IDENTIFY = 0xAA
SHA256 = "0123456789abcdef" + 48 * "0"
CLOCKS_WITH_DRIFT = 8  # per bit, enough for 2.5 % of difference
TIMEOUT_BITS = 10
SEND, SEND_BROKEN, PAUSE, HEAR, PULL_LOW, READ = range(6)
Script = list[tuple[int, int]]


def message(words: Array, tensors: tuple[Tensor, ...]) -> bytes:
    """Return the words of some tensors in whole bytes, and the check byte."""
    size = -(-max(tensor.bits for tensor in tensors) // 8)
    content = b"".join(word.to_bytes(size, "little", signed=True) for word in words.tolist())
    return content + bytes([-sum(content) % 256])


class Host:
    """Writes the script of a conversation, and knows what has to come back."""

    def __init__(
        self, model: IntegerModel, interface: InterfaceName, windows: int = 8, *, access: bool
    ) -> None:
        self.model, self.interface = model, interface
        self.identity = Identity.of(model, SHA256, state_access=access).pack()
        self.inputs, self.expected = random_words(model, windows)
        self.state = reset_state(model)
        self.script: Script = []
        self.answer = b""
        assert len({tuple(each) for each in self.expected.tolist()}) > windows // 2

    def frame(self, window: int, *, restart: bool = False, keep: bool = False) -> bytes:
        begin = SYNC + restart + (SYNC_KEEP - SYNC) * keep
        return bytes([begin]) + message(self.inputs[window], self.model.input_tensors)

    def send(self, data: bytes) -> None:
        self.script += [(SEND, value) for value in data]

    def ask(self, window: int) -> None:
        """Send a good frame and wait for its answer."""
        self.send(self.frame(window))
        self.answer += message(self.expected[window], self.model.output_tensors)
        self.script.append((HEAR, len(self.answer)))

    def ask_next(self, window: int, *, restart: bool, keep: bool = False) -> None:
        """Send the next reading of a stream, or the first of another stretch; ask for its row."""
        self.send(self.frame(window, restart=restart, keep=keep))
        flags = np.array([restart])
        words = execute_words(self.model, self.inputs[window][None], flags, self.state)
        self.answer += message(words[0], self.model.output_tensors)
        if keep:
            row = pack_rows(self.model, self.state)[-1]
            self.answer += row + bytes([-sum(row) % 256])
        self.script.append((HEAR, len(self.answer)))

    def identify(self) -> None:
        """Ask the board what it is."""
        self.send(bytes([IDENTIFY]))
        self.answer += self.identity
        self.script.append((HEAR, len(self.answer)))

    def put_back(self, state: State) -> None:
        """Send a state and wait until it is taken."""
        self.send(bytes([RESTORE]) + pack_state(self.model, state))
        self.state = deepcopy(state)
        self.answer += bytes([RESTORE])
        self.script.append((HEAR, len(self.answer)))

    def dropped(self) -> None:
        """Wait until the board has dropped what came."""
        self.timeout()
        self.state = reset_state(self.model)

    def timeout(self) -> None:
        self.script.append((PAUSE, 2**TIMEOUT_BITS // INTERFACES[self.interface].least_clocks + 20))

    def converse(self, folder: Path, slower: int = 0, seed: int = 1) -> bytes:
        """Simulate the script and return the bytes that came back.

        Args:
            folder: Folder with the sources in ``rtl``.
            slower: By how many thousandths the host's clock is slower than the board's.
            seed: Of what a master on SPI is free in. Its bits are as fast as allowed.
        """
        rtl, work, spoken = folder / "rtl", folder / "work", INTERFACES[self.interface]
        bench = "serial_tb" if self.interface == "uart" else "spi_tb"
        tb = Path(__file__).with_name(f"{bench}.vhd")
        analyse(rtl, work, *(rtl / name for name in spoken.sources), tb)
        clocks = CLOCKS_WITH_DRIFT if slower else spoken.least_clocks
        generics = spoken.generics(clocks) if self.interface == "uart" else {"SEED": seed}
        generics |= {
            "TIMEOUT_BITS": TIMEOUT_BITS,
            "BIT_PS": clocks * (10_000 + 10 * slower),
        }
        lines = [f"{command} {number}" for command, number in self.script]
        (work / "script.txt").write_text("\n".join(lines) + "\n")
        run(
            [
                *(require("ghdl"), "-r", "--std=08", bench, "-gSCRIPT_FILE=script.txt"),
                *("-gOUTPUT_FILE=heard.txt", *(f"-g{name}={n}" for name, n in generics.items())),
                *("--ieee-asserts=disable", "--stop-time=100ms"),
            ],
            work,
        )
        return bytes(map(int, (work / "heard.txt").read_text().split()))


def compiled(
    model: IntegerModel, folder: Path, interface: InterfaceName = "uart", *, access: bool = False
) -> Host:
    """Write the sources of a model, and return the host that talks to it."""
    options = HardwareOptions(lanes=4, state_access=access)
    compile_model(model, load_device("xc7s15"), area, options).write_rtl(folder / "rtl", SHA256)
    return Host(model, interface, access=access)


def make_host(folder: Path, interface: InterfaceName = "uart", output_bits: int = 16) -> Host:
    model = random_model(Shape(3, 2, 4, outputs=2), (4, 8), 3, output_bits=output_bits)
    return compiled(model, folder, interface)


@pytest.mark.parametrize(
    ("interface", "output_bits", "slower"),
    [
        *(("uart", 8, 0), ("uart", 11, 25), ("uart", 16, -25)),
        ("spi", 11, 25),  # the host's is the only clock of bits
    ],
)
def test_answers_are_those_of_the_integer_model(
    tmp_path: Path, interface: InterfaceName, output_bits: int, slower: int
) -> None:
    host = make_host(tmp_path, interface, output_bits)
    host.identify()
    for window in range(len(host.inputs)):
        host.ask(window)
    assert host.converse(tmp_path, slower) == host.answer


@pytest.mark.parametrize("name", ["one_class", "deviation_of_a_stream"])
def test_decisions_come_as_two_words(tmp_path: Path, name: str) -> None:
    host = compiled(graph_model(name), tmp_path)
    for window in range(len(host.inputs)):
        host.ask_next(window, restart=window == 0) if host.model.states else host.ask(window)
    size = word_bytes(host.model.output_tensors)
    assert len(host.answer) == len(host.inputs) * (2 * size + 1)
    assert host.converse(tmp_path) == host.answer


def test_each_series_has_results(tmp_path: Path) -> None:
    host = compiled(graph_model("series"), tmp_path)
    for window in range(3):
        host.ask(window)
    assert len(host.answer) == 3 * (2 * 5 * 2 + 1)  # words of two bytes, series by series
    assert host.converse(tmp_path) == host.answer


def test_an_identity_is_as_the_page_states_it() -> None:
    model = random_model(Shape(3, 2, 4, heads=2, kind="stream"), (4, 8), 3, output_bits=11)
    identity = Identity.of(model, SHA256, state_access=True)
    content = bytes.fromhex("01 0123456789abcdef 0200 0100 21 03")
    assert identity.pack() == content + bytes([-sum(content) % 256])
    assert Identity.unpack(identity.pack()) == identity
    for damaged in (content, identity.pack()[1:], b"\2" + identity.pack()[1:], bytes(15)):
        with pytest.raises(ValueError, match="is no identity of 16 bytes"):
            Identity.unpack(damaged)


def test_a_frame_has_the_words_of_all_inputs(tmp_path: Path) -> None:
    """Words are as wide as the widest tensor of the stream, here of two bytes."""
    g = GraphBuilder()
    a, b = g.input("now", 3, 2), g.input("before", 2, 4)
    one = g.linear("one", g.row_sum("sum", g.linear("x", a, 4)), 2)
    spec = g.build(g.linear("two", b, 3), one)
    widths = {"now": 4, "before": 11, "one.output": 12, "two.output": 20}
    model = random_graph(spec, (4, 8), 1, widths=widths)
    assert [t.bits for t in (*model.input_tensors, *model.output_tensors)] == [4, 11, 20, 12]
    host = compiled(model, tmp_path)
    for window in range(len(host.inputs)):
        host.ask(window)
    assert len(host.frame(0)) == 1 + 2 * (6 + 8) + 1
    assert len(host.answer) == len(host.inputs) * (3 * (6 + 2) + 1)
    assert host.converse(tmp_path) == host.answer


@pytest.mark.parametrize("interface", INTERFACES)
def test_broken_frames_get_no_answer_and_do_no_harm(
    tmp_path: Path, interface: InterfaceName
) -> None:
    host = make_host(tmp_path, interface)
    whole = host.frame(2)
    host.ask(0)
    # noise between frames
    host.script += [(PULL_LOW, 2), (SEND_BROKEN, SYNC), (SEND, 0), (SEND, 255), (PULL_LOW, 500)]
    host.ask(1)
    # a frame that breaks off, after which the host waits
    host.send(whole[:4])
    host.timeout()
    host.ask(3)
    # one that breaks off before its check byte
    host.send(whole[:-1])
    host.timeout()
    host.ask(4)
    # a byte without a stop bit, in the middle and as the check byte
    host.send(whole[:3])
    host.script += [(SEND_BROKEN, whole[3]), (PAUSE, 3)]
    host.ask(5)
    host.send(whole[:-1])
    host.script += [(SEND_BROKEN, whole[-1]), (PAUSE, 3)]
    host.ask(6)
    # a changed bit
    host.send(whole[:2] + bytes([whole[2] ^ 16]) + whole[3:])
    host.ask(7)
    # a byte too few: the check byte is the next frame's SYNC; then the host waits and sends again
    host.send(whole[:3] + whole[4:] + host.frame(2))
    host.timeout()
    host.ask(2)
    # a line that is low for long
    host.script += [(PULL_LOW, 3 * 2**TIMEOUT_BITS), (PAUSE, 12)]
    host.ask(0)
    assert host.converse(tmp_path) == host.answer


@pytest.mark.parametrize("interface", INTERFACES)
def test_what_is_sent_before_the_answer_is_ignored(
    tmp_path: Path, interface: InterfaceName
) -> None:
    host = make_host(tmp_path, interface)
    host.ask(0)
    wait = host.script.pop()
    host.send(host.frame(1)[:3])
    host.send(bytes([IDENTIFY]))
    host.script.append(wait)
    host.ask(2)
    host.identify()
    wait = host.script.pop()
    host.send(bytes([IDENTIFY]))
    host.script.append(wait)
    host.ask(3)
    assert host.converse(tmp_path) == host.answer


@pytest.mark.parametrize(("interface", "inputs"), [("uart", 3), ("spi", 1)])
def test_a_stream_of_readings(tmp_path: Path, interface: InterfaceName, inputs: int) -> None:
    """A restart comes with a frame, and a frame that is dropped is one, too."""
    host = compiled(
        random_model(Shape(3, inputs, 4, heads=2, kind="stream"), (4, 8), 3), tmp_path, interface
    )
    for window in range(5):
        host.ask_next(window, restart=False)
    host.identify()  # which leaves what is kept as it is
    for window in range(3, 5):
        host.ask_next(window, restart=False)
    for window in range(3):
        host.ask_next(window, restart=window == 0)
    host.send(host.frame(6)[:-1] + bytes([host.frame(6)[-1] ^ 1]))
    host.dropped()
    for window in range(7, 3, -1):
        host.ask_next(window, restart=False)
    assert host.converse(tmp_path) == host.answer


@pytest.mark.parametrize(
    ("interface", "outputs"), [("uart", 2), pytest.param("spi", 1, marks=pytest.mark.long)]
)
def test_states_over_the_line(tmp_path: Path, interface: InterfaceName, outputs: int) -> None:
    """Rows are read, whole states put back; a state that is refused is a restart."""
    shape = Shape(3, 2, 4, heads=2, outputs=outputs, kind="stream")
    host = compiled(random_model(shape, (4, 8), 3), tmp_path, interface, access=True)
    for window in range(4):
        host.ask_next(window, restart=window == 1, keep=window != 2)
    kept = deepcopy(host.state)
    host.ask_next(4, restart=False)
    host.put_back(kept)
    host.identify()
    host.ask_next(5, restart=False, keep=True)
    host.put_back(reset_state(host.model))
    host.ask_next(5, restart=False)
    host.put_back(kept)
    content = pack_state(host.model, kept)
    middle = len(content) // 2
    for damaged in (
        content[:middle] + bytes([content[middle] ^ 4]) + content[middle + 1 :],
        b"\xff" + content[1:],
        content[:-1],
        content[:1],
    ):
        host.send(bytes([RESTORE]) + damaged)
        host.dropped()
        host.ask_next(6, restart=False)
        host.put_back(kept)
    host.ask_next(7, restart=False)
    host.send(bytes([RESTORE]) + content[:4])
    host.script += [(SEND_BROKEN, content[4]), (PAUSE, 3)]
    host.state = reset_state(host.model)
    host.ask_next(6, restart=False)
    assert host.converse(tmp_path) == host.answer


def test_without_access_the_line_has_no_states(tmp_path: Path) -> None:
    model = random_model(Shape(3, 2, 4, heads=2, kind="stream"), (4, 8), 3)
    host = compiled(model, tmp_path)
    host.ask_next(0, restart=False)
    for begin in (SYNC_KEEP, FIRST_KEEP):
        host.send(bytes([begin]) + bytes(3))
    host.send(bytes([RESTORE, 0, 0, 0x1D, 0x0F]))
    host.ask_next(1, restart=False)
    assert host.converse(tmp_path) == host.answer


def test_a_model_without_states_knows_no_restart(tmp_path: Path) -> None:
    host = make_host(tmp_path)
    host.ask(0)
    host.send(host.frame(1, restart=True))
    host.timeout()
    host.ask(2)
    assert host.converse(tmp_path) == host.answer


def test_reads_at_the_wrong_time(tmp_path: Path) -> None:
    """They change nothing, and lose nothing."""
    host = make_host(tmp_path, "spi")
    host.script.append((READ, 5))  # nothing was asked
    host.ask(0)
    host.script.append((READ, 9))  # more than there is
    host.script.insert(-2, (READ, 3))  # before the answer is there
    host.send(host.frame(1)[:3])
    host.script.append((READ, 1))  # within a frame
    host.send(host.frame(1)[3:])
    host.answer += message(host.expected[1], host.model.output_tensors)
    host.script.append((HEAR, len(host.answer)))
    # reads do not keep a frame alive that breaks off
    host.send(host.frame(2)[:4])
    host.script.append((READ, 2 * 2**TIMEOUT_BITS // (8 * INTERFACES["spi"].least_clocks)))
    host.ask(3)
    host.identify()
    # an answer waits for as long as the master likes, and nothing takes its place
    host.ask(4)
    wait = host.script.pop()
    for _ in range(3):
        host.timeout()
        host.send(host.frame(5) + bytes([IDENTIFY]))
    host.script.append((HEAR, len(host.answer) - 1))
    host.send(host.frame(5) + bytes([IDENTIFY]))
    host.script.append(wait)
    host.ask(6)
    assert host.converse(tmp_path) == host.answer


@pytest.mark.parametrize("seed", [2, pytest.param(3, marks=pytest.mark.long)])
def test_a_conversation_at_random(tmp_path: Path, seed: int) -> None:
    host = make_host(tmp_path, "spi")
    noise = np.random.default_rng(seed)
    for _ in range(25):
        window = int(noise.integers(len(host.inputs)))
        frame = host.frame(window)
        cut = int(noise.integers(1, len(frame)))
        what = noise.integers(7)
        if what == 0:
            host.identify()
        elif what == 1:
            host.send(frame[:cut])
            host.timeout()
        elif what == 2:
            host.send(frame[:cut])
            host.script += [(SEND_BROKEN, frame[cut]), (PAUSE, 3)]
        elif what == 3:  # a changed bit
            bit = 1 << int(noise.integers(8))
            host.send(frame[:cut] + bytes([frame[cut] ^ bit]) + frame[cut + 1 :])
        elif what == 4:
            host.send(bytes(noise.integers(RESTORE + 2, 256, size=3).tolist()))
            host.script.append((PULL_LOW, int(noise.integers(1, 60))))
        else:
            host.ask(window)
            host.script.insert(-1, (READ, int(noise.integers(4))))
    assert host.converse(tmp_path, slower=100, seed=seed) == host.answer
