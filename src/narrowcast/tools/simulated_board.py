"""A simulated board: ``serial_top`` in Verilator, as a process with its serial line on two pipes.

It is made once for each design, and kept in a folder for temporary files.
"""

import os
import select
import subprocess
from contextlib import suppress
from hashlib import sha256
from pathlib import Path

from narrowcast.errors import UserError
from narrowcast.files import copy
from narrowcast.rtl import RTL
from narrowcast.tools.ghdl import SOURCES, to_verilog
from narrowcast.tools.nextpnr import SERIAL_SOURCES, TOP
from narrowcast.tools.scratch import private_folder, scratch_folder
from narrowcast.tools.simulate import verilate

_HARNESS = RTL / "testbench" / "serial_main.cpp"
_GENERICS = {"CLOCKS_PER_BIT": 4, "TIMEOUT_BITS": 16}  # 4 is the least that works
_IDLE = 2 << _GENERICS["TIMEOUT_BITS"]  # clocks in which a board has dropped any frame
_MOST_KEPT = 16
_SECONDS = 60.0


def board_program(rtl: Path) -> Path:
    """Return the program that simulates a board with a design; make it if it is not there yet.

    Args:
        rtl: Folder of the design's sources.

    Raises:
        UserError: The sources are not there.
        ToolError: A tool is missing or failed.
    """
    files = [*(rtl / name for name in (*SOURCES, *SERIAL_SOURCES)), _HARNESS]
    for path in files:
        if not path.is_file():
            raise UserError(f"{path}: no such file: a simulated board needs 'narrowcast compile'")
    content = b"".join(sha256(path.read_bytes()).digest() for path in files)
    kept = private_folder("boards")
    program = kept / sha256(content + repr(_GENERICS).encode()).hexdigest()
    if not program.exists():
        with scratch_folder() as work:
            verilog = to_verilog(rtl, work, TOP, SERIAL_SOURCES, _GENERICS)
            made = verilate(work, verilog, _HARNESS, "-O1")
            new = program.with_suffix(f".{os.getpid()}")
            copy(made, new)
            new.chmod(0o700)
            new.replace(program)  # whole, also for others that start it now
    with suppress(OSError):
        program.touch()
        for old in sorted(kept.iterdir(), key=lambda each: -each.stat().st_mtime)[_MOST_KEPT:]:
            old.unlink()
    return program


def board_command(rtl: Path, cycles: int) -> list[str]:
    """Return the command that simulates a board, with its line on standard input and output.

    Args:
        rtl: Folder of the design's sources.
        cycles: Clock cycles of an inference.
    """
    bit, idle = _GENERICS["CLOCKS_PER_BIT"], _IDLE + 2 * cycles
    return [str(board_program(rtl)), str(bit), str(idle)]


class SimulatedBoard:
    """A port behind which a board is simulated. It ends with this process, however that ends.

    Args:
        rtl: Folder of the design's sources.
        cycles: Clock cycles of an inference.
        name: What messages call the port.

    Raises:
        UserError: The sources are not there.
        ToolError: The simulation cannot be made.
    """

    def __init__(self, rtl: Path, cycles: int, name: str) -> None:
        self.name = name
        self.seconds = _SECONDS
        self._process = subprocess.Popen(
            board_command(rtl, cycles),
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            bufsize=0,
            process_group=0,  # Ctrl-C is for this process
        )
        assert self._process.stdin is not None and self._process.stdout is not None
        self._in, self._out = self._process.stdin, self._process.stdout

    def write(self, content: bytes) -> None:
        """Send bytes."""
        try:
            while content:
                content = content[self._in.write(content) :]
        except OSError:
            raise self._ended() from None

    def read(self, count: int) -> bytes:
        """Return ``count`` bytes; fewer if for ``seconds`` none comes."""
        content = b""
        while len(content) < count and self._comes(self.seconds):
            content += self._taken(count - len(content))
        return content

    def clear(self) -> None:
        """Drop what has come and was not read."""
        while self._comes(0):
            self._taken(1 << 16)

    def close(self) -> None:
        """End the simulation."""
        self._process.kill()
        self._process.wait()
        self._in.close()
        self._out.close()

    def _comes(self, seconds: float) -> bool:
        return bool(select.select([self._out], [], [], seconds)[0])

    def _taken(self, most: int) -> bytes:
        content = os.read(self._out.fileno(), most)
        if not content:
            raise self._ended()
        return content

    def _ended(self) -> UserError:
        return UserError(f"{self.name}: the simulated board has ended")
