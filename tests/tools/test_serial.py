"""The engine on its serial line, as a host sees it: what docs/boards.md promises."""

from pathlib import Path

import numpy as np
import pytest

from narrowcast.compile import compile_model
from narrowcast.integer import IntegerModel, execute
from narrowcast.integer.random_model import Shape, random_model
from narrowcast.targets.device import load_device
from narrowcast.tools.ghdl import analyse
from narrowcast.tools.nextpnr import SERIAL_SOURCES
from narrowcast.tools.process import require, run

SYNC = 0xA5
CLOCKS_PER_BIT = 8
TIMEOUT_BITS = 12
SEND, SEND_BROKEN, PAUSE, HEAR, PULL_LOW = range(5)
Script = list[tuple[int, int]]


class Host:
    """Writes the script of a conversation, and knows what has to come back."""

    def __init__(self, model: IntegerModel) -> None:
        self.model = model
        self.input_bytes = 1
        self.output_bytes = -(-model.tensors[model.output].bits // 8)
        self.script: Script = []
        self.answer = b""

    def frame(self, window: np.ndarray) -> bytes:
        content = b"".join(
            int(word).to_bytes(self.input_bytes, "little", signed=True) for word in window.ravel()
        )
        return bytes([SYNC]) + content + bytes([-sum(content) % 256])

    def send(self, data: bytes) -> None:
        self.script += [(SEND, value) for value in data]

    def ask(self, window: np.ndarray) -> None:
        """Send a good frame and wait for its answer."""
        self.send(self.frame(window))
        words = execute(self.model, window[None])[0]
        content = b"".join(
            int(word).to_bytes(self.output_bytes, "little", signed=True) for word in words
        )
        self.answer += content + bytes([-sum(content) % 256])
        self.script.append((HEAR, len(self.answer)))

    def timeout(self) -> None:
        self.script.append((PAUSE, 2**TIMEOUT_BITS // CLOCKS_PER_BIT + 20))

    def converse(self, rtl: Path, work: Path, bit_ps: int = CLOCKS_PER_BIT * 10_000) -> bytes:
        """Simulate the script and return the bytes that came back."""
        tb = Path(__file__).with_name("serial_tb.vhd")
        analyse(rtl, work, *(rtl / name for name in SERIAL_SOURCES), tb)
        lines = [f"{command} {number}" for command, number in self.script]
        (work / "script.txt").write_text("\n".join(lines) + "\n")
        run(
            [
                *(require("ghdl"), "-r", "--std=08", "serial_tb", "-gSCRIPT_FILE=script.txt"),
                *("-gOUTPUT_FILE=heard.txt", f"-gCLOCKS_PER_BIT={CLOCKS_PER_BIT}"),
                *(f"-gTIMEOUT_BITS={TIMEOUT_BITS}", f"-gBIT_PS={bit_ps}"),
                *("--ieee-asserts=disable", "--stop-time=100ms"),
            ],
            work,
        )
        return bytes(map(int, (work / "heard.txt").read_text().split()))


def make_host(folder: Path, output_bits: int = 16) -> tuple[Host, list[np.ndarray]]:
    model = random_model(Shape(3, 2, 4, outputs=2), (4, 8), 3, output_bits=output_bits)
    compile_model(model, load_device("xc7s15"), 4).write_rtl(folder / "rtl")
    t = model.tensors[model.input]
    windows = np.random.default_rng(2).integers(t.low, t.high + 1, (8, t.rows, t.columns))
    windows[0], windows[1] = t.low, t.high
    assert len({tuple(each) for each in execute(model, windows).tolist()}) > 4
    return Host(model), list(windows)


@pytest.mark.parametrize(("output_bits", "slower"), [(16, 0), (8, 0), (11, 25), (16, -25)])
def test_answers_are_those_of_the_integer_model(
    tmp_path: Path, output_bits: int, slower: int
) -> None:
    host, windows = make_host(tmp_path, output_bits)
    for window in windows:
        host.ask(window)
    bit_ps = CLOCKS_PER_BIT * (10_000 + 10 * slower)  # the host's clock is not the board's
    assert host.converse(tmp_path / "rtl", tmp_path / "work", bit_ps) == host.answer


def test_broken_frames_get_no_answer_and_do_no_harm(tmp_path: Path) -> None:
    host, windows = make_host(tmp_path)
    whole = host.frame(windows[2])
    host.ask(windows[0])
    # noise between frames
    host.script += [(PULL_LOW, 2), (SEND_BROKEN, SYNC), (SEND, 0), (SEND, 255), (PULL_LOW, 500)]
    host.ask(windows[1])
    # a frame that breaks off, after which the host waits
    host.send(whole[:4])
    host.timeout()
    host.ask(windows[3])
    # one that breaks off before its check byte
    host.send(whole[:-1])
    host.timeout()
    host.ask(windows[4])
    # a byte without a stop bit, in the middle and as the check byte
    host.send(whole[:3])
    host.script += [(SEND_BROKEN, whole[3]), (PAUSE, 3)]
    host.ask(windows[5])
    host.send(whole[:-1])
    host.script += [(SEND_BROKEN, whole[-1]), (PAUSE, 3)]
    host.ask(windows[6])
    # a changed bit
    host.send(whole[:2] + bytes([whole[2] ^ 16]) + whole[3:])
    host.ask(windows[7])
    # a byte too few: the check byte is the next frame's SYNC; then the host waits and sends again
    host.send(whole[:3] + whole[4:] + host.frame(windows[2]))
    host.timeout()
    host.ask(windows[2])
    # a line that is low for long
    host.script += [(PULL_LOW, 3 * 2**TIMEOUT_BITS), (PAUSE, 12)]
    host.ask(windows[0])
    assert host.converse(tmp_path / "rtl", tmp_path / "work") == host.answer


def test_what_is_sent_before_the_answer_is_ignored(tmp_path: Path) -> None:
    host, windows = make_host(tmp_path)
    host.ask(windows[0])
    wait = host.script.pop()
    host.send(host.frame(windows[1])[:3])
    host.script.append(wait)
    host.ask(windows[2])
    assert host.converse(tmp_path / "rtl", tmp_path / "work") == host.answer
