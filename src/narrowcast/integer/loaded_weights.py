"""Weights that a host loads into a board: their bytes, their check, and the engine they are for.

``docs/boards.md`` states how a board takes them.
"""

from dataclasses import dataclass
from pathlib import Path
from typing import Self
from zlib import crc32

from narrowcast.errors import boundary
from narrowcast.files import write_whole
from narrowcast.integer.identity import check_byte

WEIGHTS = "weights.bin"  # file next to the sources of the engine
CHECK_BYTES = 4
_DIGEST_BYTES = 32


@dataclass(frozen=True)
class LoadedWeights:
    """Weights that a host loads.

    Attributes:
        engine: SHA-256 of the engine's constants, in hexadecimal. An engine takes the weights of
            every model for which it is the same.
        content: Bytes of the weights, word by word.
    """

    engine: str
    content: bytes

    @property
    def check(self) -> bytes:
        """Their CRC-32, as in zlib, the lowest byte first."""
        return crc32(self.content).to_bytes(CHECK_BYTES, "little")

    @property
    def clocks(self) -> int:
        """Clock cycles in which a board reads them back, or a few more."""
        return 8 * len(self.content) + 1000

    @property
    def answer(self) -> bytes:
        """What a board answers that holds them."""
        return self.check + check_byte(self.check)

    def write(self, folder: Path) -> None:
        """Write them to a folder of sources."""
        content = bytes.fromhex(self.engine) + self.content + self.check
        write_whole(folder / WEIGHTS, content)

    @classmethod
    def read(cls, folder: Path) -> Self | None:
        """Return what :meth:`write` wrote to a folder; None if there is nothing.

        Raises:
            UserError: The file is damaged.
        """
        path = folder / WEIGHTS
        if not path.is_file():
            return None
        with boundary(str(path), "run 'narrowcast compile --force'"):
            content = path.read_bytes()
            found = cls(content[:_DIGEST_BYTES].hex(), content[_DIGEST_BYTES:-CHECK_BYTES])
            if not found.content or content[-CHECK_BYTES:] != found.check:
                raise ValueError("is damaged")
        return found
