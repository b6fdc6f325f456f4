"""A port behind which the executor plays a board, and loses or garbles what it is told to."""

from collections.abc import Callable, Collection

import numpy as np

from narrowcast.integer import (
    IntegerModel,
    execute_words,
    pack_rows,
    reset_state,
    unpack_state,
)
from narrowcast.integer.identity import Identity, check_byte, word_bytes
from narrowcast.integer.loaded_weights import LoadedWeights
from narrowcast.integer.state_bytes import row_bytes

SHA256 = "0123456789abcdef" * 4


class Board:
    """A board as docs/boards.md states it, which gets whole frames.

    Args:
        model: The model that it holds.
        access: Whether it has state access.
        identity: What it says of itself; None for the truth.
        lost: Which frames it takes, but whose answers do not arrive, counted from 0.
        garbled: Which frames get an answer with a changed bit.
        weights: Weights that a host has to load; None if the design has them.
        damaged: How many loads arrive with a changed bit.
    """

    def __init__(
        self,
        model: IntegerModel,
        *,
        access: bool = False,
        identity: bytes | None = None,
        lost: Collection[int] = (),
        garbled: Collection[int] = (),
        weights: LoadedWeights | None = None,
        damaged: int = 0,
    ) -> None:
        self.name, self.seconds = "board", 0.0
        self.model, self.access = model, access
        named = SHA256 if weights is None else weights.engine
        loads = weights is not None
        truth = Identity.of(model, named, state_access=access, loads_weights=loads).pack()
        self.identity = truth if identity is None else identity
        self.weights, self.damaged = weights, damaged
        self.held = weights is None
        self.lost, self.garbled = lost, garbled
        self.state = reset_state(model)
        self.begun: list[int] = []  # the first bytes of all that came
        self.frames = 0
        self.pending = b""
        self.closed = False

    def write(self, content: bytes) -> None:
        assert self.pending == b"", "a frame before the answer has been read"
        begin, rest = content[0], content[1:]
        self.begun.append(begin)
        if begin == 0xAA:
            self.pending = self.identity
        elif begin in (0xAB, 0xAC):
            self.pending = self._hold(rest)
        elif begin == 0xA9:
            self.state = unpack_state(self.model, rest)
            self.pending = b"\xa9"
        else:
            self.pending = self._answer(begin, rest)
            if self.frames in self.garbled:
                self.pending = bytes([self.pending[0] ^ 4]) + self.pending[1:]
            if self.frames in self.lost:
                self.pending = self.pending[: self.frames % 2]
            self.frames += 1

    def _hold(self, rest: bytes) -> bytes:
        """Load weights, if there are some; return the check of those that are held."""
        assert self.weights is not None
        if rest:
            self.damaged -= 1
            self.held = rest == self.weights.content + self.weights.check and self.damaged < 0
            self.state = reset_state(self.model)
        return self.weights.answer if self.held else bytes(5)

    def switch_off(self) -> None:
        """Lose the weights and the states."""
        self.held, self.state = self.weights is None, reset_state(self.model)

    def _answer(self, begin: int, rest: bytes) -> bytes:
        assert begin in {0xA5, *([0xA6] if self.model.states else [])} | (
            {0xA7, 0xA8} if self.access else set()
        )
        assert sum(rest) % 256 == 0
        size = word_bytes(self.model.input_tensors)
        assert len(rest) == self.model.input_words * size + 1
        parts = [rest[i : i + size] for i in range(0, len(rest) - 1, size)]
        words = np.array([[int.from_bytes(part, "little", signed=True) for part in parts]])
        restart = np.array([begin in (0xA6, 0xA8)]) if self.model.states else None
        if not self.held:
            return b""
        (results,) = execute_words(self.model, words, restart, self.state)
        size = word_bytes(self.model.output_tensors)
        answer = b"".join(int(each).to_bytes(size, "little", signed=True) for each in results)
        answer += check_byte(answer)
        if begin in (0xA7, 0xA8):
            row = pack_rows(self.model, self.state)[-1]
            answer += row + check_byte(row)
        return answer

    def read(self, count: int) -> bytes:
        given, self.pending = self.pending[:count], self.pending[count:]
        return given

    def clear(self) -> None:
        self.pending = b""

    def close(self) -> None:
        self.closed = True


class Frames:
    """Makes whole frames of bytes, and gives them to a board.

    Args:
        board: The board.
    """

    def __init__(self, board: Board) -> None:
        self._board = board
        self._frame = b""

    def take(self, byte: bytes) -> bytes:
        """Take a byte, and return the answer if it is the last one of a frame."""
        self._frame += byte
        if len(self._frame) != _length(self._board, self._frame):
            return b""
        self._board.clear()
        self._board.write(self._frame)
        self._frame = b""
        return self._board.read(1000)


def play(read: Callable[[], bytes], write: Callable[[bytes], object], board: Board) -> None:
    """Give a board whole frames, and its answers to whoever is at the other end of a line.

    Args:
        read: Returns the next byte; nothing at the end of the line.
        write: Sends bytes.
        board: The board.
    """
    frames = Frames(board)
    while byte := read():
        if answer := frames.take(byte):
            write(answer)


def _length(board: Board, frame: bytes) -> int:
    """Return the length of a frame, as its first bytes say; 0 if they do not yet."""
    model = board.model
    if frame[0] in (0xAA, 0xAC):
        return 1
    if frame[0] == 0xAB:
        assert board.weights is not None
        return 1 + len(board.weights.content + board.weights.check)
    if frame[0] == 0xA9:
        count = int.from_bytes(frame[1:3], "big")
        return 5 + count * row_bytes(model) if len(frame) > 2 else 0
    return model.input_words * word_bytes(model.input_tensors) + 2
