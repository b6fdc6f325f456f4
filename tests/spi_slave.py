"""The twin of ``spi_slave.vhd``: what it makes of whole transactions."""

from collections import deque
from collections.abc import Mapping, Sequence
from types import MappingProxyType

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
    """

    def __init__(self) -> None:
        self.waiting: deque[int] = deque()
        self.taken: list[int | str] = []

    def transaction(
        self, mosi: Sequence[int], arriving: Mapping[int, int] = MappingProxyType({})
    ) -> list[int]:
        """Return the bits on MISO.

        Args:
            mosi: Bits on MOSI; not always whole bytes.
            arriving: A byte of an answer that begins to wait within a byte, by its index.
        """
        miso: list[int] = []
        instruction = None
        shown, is_flag = int(bool(self.waiting)), True  # the byte on MISO
        for k in range(0, len(mosi), 8):
            bits = mosi[k : k + 8]
            miso += bits_of(shown)[: len(bits)]
            if k // 8 in arriving:
                self.waiting.append(arriving[k // 8])
            if len(bits) < 8:
                if instruction == WRITE:
                    self.taken.append("broken")
                break
            if instruction == WRITE:
                self.taken.append(byte_of(bits))
            if instruction == READ and not is_flag:
                self.waiting.popleft()
            instruction = byte_of(bits) if instruction is None else instruction
            if instruction == READ and is_flag and shown:
                shown, is_flag = self.waiting[0], False
            elif instruction == READ:
                shown, is_flag = int(bool(self.waiting)), True
            else:
                shown = 0
        return miso

    def exchange(self, content: bytes) -> bytes:
        """Return the bytes on MISO."""
        miso = self.transaction([bit for byte in content for bit in bits_of(byte)])
        return bytes(byte_of(miso[k : k + 8]) for k in range(0, len(miso), 8))
