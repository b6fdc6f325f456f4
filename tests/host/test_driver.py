"""The C driver, compiled for this computer, with a board at the other end of two pipes."""

import subprocess
import threading
from functools import partial
from pathlib import Path

import numpy as np
import pytest

from board import SHA256, Board, play
from c_driver import driver_command, results
from graphs import graph_model
from narrowcast.config import InterfaceName
from narrowcast.integer import IntegerModel, execute_words, reset_state
from narrowcast.integer.builder import Shape
from narrowcast.integer.loaded_weights import LoadedWeights
from narrowcast.integer.random_model import random_model
from narrowcast.tools.interface import INTERFACES
from spi_slave import SpiBoard
from words import random_words, stream_words


def converse(
    folder: Path,
    board: Board,
    model: IntegerModel,
    words: np.ndarray,
    restart: np.ndarray,
    *,
    access: bool = False,
    interface: InterfaceName = "uart",
) -> list[list[int]]:
    """Return the status and the words of each inference; first the status of opening."""
    command = driver_command(
        *(folder, model, SHA256, words, restart, 300),
        access=access,
        interface=interface,
        weights=board.weights,
    )
    with subprocess.Popen(
        command,
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        bufsize=0,
    ) as process:
        assert process.stdin and process.stdout and process.stderr
        line = partial(process.stdout.read, 1), process.stdin.write
        if interface == "uart":
            player = threading.Thread(target=play, args=(*line, board))
        else:
            player = threading.Thread(target=SpiBoard(board).play, args=line)
        player.start()
        said = process.stderr.read()
        player.join()
    assert process.returncode == 0, said
    return results(said)


@pytest.mark.parametrize("interface", INTERFACES)
def test_windows(tmp_path: Path, interface: InterfaceName) -> None:
    model = random_model(Shape(3, 2, 4, outputs=2), (4, 8), 3)
    words, expected = random_words(model, 6)
    board = Board(model, lost=[1, 2], garbled=[5])
    found = converse(tmp_path, board, model, words, np.zeros(6), interface=interface)
    assert found == [[0], *([0, *each] for each in expected.tolist())]
    assert board.begun == [0xAA, *[0xA5] * 9]


@pytest.mark.parametrize("interface", INTERFACES)
def test_weights_are_loaded(tmp_path: Path, interface: InterfaceName) -> None:
    model = random_model(Shape(3, 2, 4, outputs=2), (4, 8), 3)
    words, expected = random_words(model, 4)
    weights = LoadedWeights("ab" * 32, bytes(range(256)) * 3)
    board = Board(model, lost=[1], weights=weights, damaged=1)
    found = converse(tmp_path, board, model, words, np.zeros(4), interface=interface)
    assert found == [[0], *([0, *each] for each in expected.tolist())]
    assert board.begun == [0xAA, 0xAC, 0xAB, 0xAC, 0xAB, 0xA5, 0xA5, 0xAC, *[0xA5] * 3]
    board = Board(model, weights=weights, damaged=9)
    again = tmp_path / "again"
    again.mkdir()
    assert converse(again, board, model, words, np.zeros(4), interface=interface) == [[2]]


def test_decisions(tmp_path: Path) -> None:
    model = graph_model("decisions_beside_others")
    words, expected = random_words(model, 6)
    found = converse(tmp_path, Board(model, lost=[2]), model, words, np.zeros(6))
    assert found == [[0], *([0, *each] for each in expected.tolist())]


def test_a_stream(tmp_path: Path) -> None:
    model = random_model(Shape(3, 2, 4, heads=2, kind="stream"), (4, 8), 3)
    words, restart = stream_words(model, 10)[0], np.arange(10) == 7
    board = Board(model, lost=[4])
    found = converse(tmp_path, board, model, words, restart)
    expected = execute_words(model, words, np.isin(np.arange(10), [0, 4, 7]))
    assert found == [[0], *([int(i == 4), *each] for i, each in enumerate(expected.tolist()))]


class Switched(Board):
    """A board that forgets its state when the host opens the link."""

    def write(self, content: bytes) -> None:
        if content == b"\xaa":
            self.state = reset_state(self.model)
        super().write(content)


@pytest.mark.parametrize("interface", INTERFACES)
def test_with_state_access_nothing_is_lost(tmp_path: Path, interface: InterfaceName) -> None:
    model = random_model(Shape(3, 2, 4, heads=2, kind="stream"), (4, 8), 3)
    words, restart = stream_words(model, 16)[0], np.isin(np.arange(16), [0, 7])
    asked = restart + 2 * np.isin(np.arange(16), [3, 12])  # 12: with all rows
    board = Switched(model, access=True, lost=[0, 5, 6, 13], garbled=[9])
    found = converse(tmp_path, board, model, words, asked, access=True, interface=interface)
    expected = execute_words(model, words, restart)
    assert found == [[0], *([0, *each] for each in expected.tolist())]
    assert board.begun.count(0xA9) == 6 and {0xA5, 0xA6}.isdisjoint(board.begun)


@pytest.mark.parametrize("board_has_it", [False, True])
def test_state_access_is_optional(tmp_path: Path, *, board_has_it: bool) -> None:
    model = random_model(Shape(3, 2, 4, heads=2, kind="stream"), (4, 8), 3)
    words, restart = stream_words(model, 4)[0], np.arange(4) == 0
    board = Board(model, access=board_has_it)
    found = converse(tmp_path, board, model, words, restart, access=not board_has_it)
    expected = execute_words(model, words, restart)
    assert found == [[0], *([0, *each] for each in expected.tolist())]
    assert board.begun == [0xAA, 0xA6, 0xA5, 0xA5, 0xA5]


@pytest.mark.parametrize(
    ("answer", "status"),
    [
        (b"", 2),
        (bytes(range(16)), 3),
        (bytes([2, *bytes(14), 254]), 3),
        (bytes([1, *bytes(14), 255]), 4),
    ],
)
def test_other_boards_are_refused(tmp_path: Path, answer: bytes, status: int) -> None:
    model = random_model(Shape(3, 2, 4, outputs=2), (4, 8), 3)
    board = Board(model, identity=answer)
    nothing = np.zeros((1, model.input_words), int)
    assert converse(tmp_path, board, model, nothing, np.zeros(1)) == [[status]]
