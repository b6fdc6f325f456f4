"""Weights that a host loads into a board: their bytes, their check, and what they are for.

``docs/boards.md`` states how a board takes them.
"""

from dataclasses import dataclass
from pathlib import Path
from typing import Self
from zlib import crc32

from narrowcast.errors import UserError, boundary
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

    def write(self, folder: Path, sha256: str) -> None:
        """Write them to a folder of sources, behind the digests of engine and model."""
        head = bytes.fromhex(self.engine + sha256)
        write_whole(folder / WEIGHTS, head + self.content + self.check)

    @classmethod
    def read(cls, folder: Path, sha256: str | None = None) -> Self | None:
        """Return what :meth:`write` wrote to a folder; None if there is nothing.

        Args:
            folder: Folder of the sources.
            sha256: The digest that names the model whose weights they have to be; by default, they
                may be of any.

        Raises:
            UserError: The file is damaged, or has the weights of another model.
        """
        path = folder / WEIGHTS
        if not path.is_file():
            return None
        with boundary(str(path), "run 'narrowcast compile --force'"):
            content = path.read_bytes()
            engine, model = (content[at : at + _DIGEST_BYTES].hex() for at in (0, _DIGEST_BYTES))
            found = cls(engine, content[2 * _DIGEST_BYTES : -CHECK_BYTES])
            if not found.content or content[-CHECK_BYTES:] != found.check:
                raise ValueError("is damaged")
        if sha256 not in (None, model):
            raise UserError(
                f"{path}: has the weights of another model than its output folder: run 'narrowcast "
                "compile'"
            )
        return found
