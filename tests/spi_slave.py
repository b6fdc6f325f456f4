"""The twin of ``spi_slave.vhd``, and a board behind it."""

import random
from collections import deque
from collections.abc import Callable, Mapping, Sequence
from types import MappingProxyType

from board import Board, Frames

WRITE, READ = 2, 3


def bits_of(byte: int) -> list[int]:
    return [byte >> i & 1 for i in range(7, -1, -1)]


def byte_of(bits: Sequence[int]) -> int:
    return int("".join(map(str, bits)), 2)


class SpiSlave:
    """A slave.

    Attributes:
        waiting: Bytes of answers that wait.
        taken: What was handed over: bytes, and "broken" for those that were.
        shown: The byte on MISO.
    """

    def __init__(self) -> None:
        self.waiting: deque[int] = deque()
        self.taken: list[int | str] = []
        self.select()

    def select(self) -> None:
        """Begin a transaction."""
        self._instruction: int | None = None
        self._show_flag()

    def _show_flag(self) -> None:
        self.shown, self._is_flag = int(bool(self.waiting)), True

    def take(self, byte: int) -> None:
        """Take a byte from MOSI, and show the next one."""
        if self._instruction == WRITE:
            self.taken.append(byte)
        if self._instruction == READ and not self._is_flag:
            self.waiting.popleft()
        if self._instruction is None:
            self._instruction = byte
        if self._instruction != READ:
            self.shown = 0
        elif self._is_flag and self.shown:
            self.shown, self._is_flag = self.waiting[0], False
        else:
            self._show_flag()

    def break_off(self) -> None:
        """End the transaction within a byte."""
        if self._instruction == WRITE:
            self.taken.append("broken")

    def transaction(
        self, mosi: Sequence[int], arriving: Mapping[int, int] = MappingProxyType({})
    ) -> list[int]:
        """Return the bits on MISO.

        Args:
            mosi: Bits on MOSI; not always whole bytes.
            arriving: A byte of an answer that begins to wait within a byte, by its index.
        """
        miso: list[int] = []
        self.select()
        for k in range(0, len(mosi), 8):
            bits = mosi[k : k + 8]
            miso += bits_of(self.shown)[: len(bits)]
            if k // 8 in arriving:
                self.waiting.append(arriving[k // 8])
            if len(bits) == 8:
                self.take(byte_of(bits))
            else:
                self.break_off()
        return miso


class SpiBoard:
    """A board with a slave before it. The bytes of an answer come as they are ready, so with gaps.

    Args:
        board: What is behind the slave.
    """

    def __init__(self, board: Board) -> None:
        self.slave = SpiSlave()
        self._frames = Frames(board)
        self._later: deque[int] = deque()
        self._noise = random.Random(1)

    def _exchange(self, byte: int) -> int:
        if self._later and self._noise.random() < 0.7:
            self.slave.waiting.append(self._later.popleft())
        shown = self.slave.shown
        self.slave.take(byte)
        for each in self.slave.taken:
            assert isinstance(each, int)
            self._later.extend(self._frames.take(bytes([each])))
        self.slave.taken.clear()
        return shown

    def exchange(self, content: bytes) -> bytes:
        """Make one transaction."""
        self.slave.select()
        return bytes(self._exchange(byte) for byte in content)

    def play(self, read: Callable[[], bytes], write: Callable[[bytes], object]) -> None:
        """Take transactions from a pipe, as ``spi_main.cpp`` does.

        Args:
            read: Returns the next byte; nothing at the end.
            write: Sends bytes.
        """
        while count := read():
            for _ in range(count[0]):
                write(bytes([self._exchange(read()[0])]))
            if count[0] == 0:
                self.slave.select()
