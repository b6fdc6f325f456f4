"""A simulated board: a top entity in Verilator, as a process with its line on two pipes.

It is made once for each design, and kept in a folder for temporary files.
"""

import os
import select
import subprocess
from collections.abc import Sequence
from contextlib import suppress
from hashlib import sha256
from pathlib import Path

from narrowcast.config import InterfaceName
from narrowcast.errors import UserError
from narrowcast.files import copy
from narrowcast.integer.loaded_weights import LoadedWeights
from narrowcast.rtl import RTL
from narrowcast.tools.ghdl import SOURCES, to_verilog
from narrowcast.tools.interface import INTERFACES
from narrowcast.tools.scratch import private_folder, scratch_folder
from narrowcast.tools.simulate import FROM_GHDL, verilate

_HARNESSES = RTL / "testbench"
_PIPE = _HARNESSES / "pipe.h"
_TIMEOUT_BITS = 16
_IDLE = 2 << _TIMEOUT_BITS  # clocks in which a board has dropped any frame
_MOST_KEPT = 16
_SECONDS = 60.0
_MOST = 255  # bytes of a part of a transaction


def board_program(rtl: Path, interface: InterfaceName) -> Path:
    """Return the program that simulates a board with a design; make it if it is not there yet.

    Args:
        rtl: Folder of the design's sources.
        interface: How a host speaks to the board.

    Raises:
        UserError: The sources are not there.
        ToolError: A tool is missing or failed.
    """
    spoken = INTERFACES[interface]
    harness = _HARNESSES / spoken.harness
    generics = spoken.generics(spoken.least_clocks) | {"TIMEOUT_BITS": _TIMEOUT_BITS}
    files = [*(rtl / name for name in (*SOURCES, *spoken.sources)), harness, _PIPE]
    for path in files:
        if not path.is_file():
            raise UserError(f"{path}: no such file: a simulated board needs 'narrowcast compile'")
    content = b"".join(sha256(path.read_bytes()).digest() for path in files)
    kept = private_folder("boards")
    program = kept / sha256(content + repr(generics).encode()).hexdigest()
    if not program.exists():
        with scratch_folder() as work:
            verilog = to_verilog(rtl, work, spoken.top, spoken.sources, generics)
            made = verilate_board(work, verilog, interface, "-O1")
            new = program.with_suffix(f".{os.getpid()}")
            copy(made, new)
            new.chmod(0o700)
            new.replace(program)  # whole, also for others that start it now
    with suppress(OSError):
        program.touch()
        for old in sorted(kept.iterdir(), key=lambda each: -each.stat().st_mtime)[_MOST_KEPT:]:
            old.unlink()
    return program


def board_command(rtl: Path, cycles: int, interface: InterfaceName = "uart") -> list[str]:
    """Return the command that simulates a board, with its line on standard input and output.

    Args:
        rtl: Folder of the design's sources.
        cycles: Clock cycles of an inference.
        interface: How a host speaks to the board.
    """
    program = board_program(rtl, interface)
    least_clocks = INTERFACES[interface].least_clocks
    return run_command(program, least_clocks, cycles, LoadedWeights.read(rtl))


def run_command(
    program: Path, clocks_per_bit: int, cycles: int, weights: LoadedWeights | None
) -> list[str]:
    """Return the command that runs a program of :func:`verilate_board`.

    Args:
        program: The program.
        clocks_per_bit: Clock cycles of the design for each bit on the line.
        cycles: Clock cycles of an inference.
        weights: Weights that the host loads; None if they are part of the design.
    """
    busy = cycles if weights is None else max(cycles, weights.clocks)
    return [str(program), str(clocks_per_bit), str(_IDLE + 2 * busy)]


def verilate_board(
    work: Path,
    verilog: Path,
    interface: InterfaceName,
    fast: str,
    options: Sequence[str] = FROM_GHDL,
) -> Path:
    """Make the program that simulates a board with a design.

    Args:
        work: Folder for what is made on the way.
        verilog: The design, as for ``verilate``.
        interface: How a host speaks to the board.
        fast: Optimisation by the C++ compiler.
        options: Further options of Verilator, as for ``verilate``.

    Raises:
        ToolError: A tool is missing or failed.
    """
    copy(_PIPE, work / _PIPE.name)
    harness = _HARNESSES / INTERFACES[interface].harness
    return verilate(work, verilog, harness, fast, options)


class SimulatedBoard:
    """A port behind which a board is simulated. It ends with this process, however that ends.

    With SPI, use :meth:`exchange` alone.

    Args:
        command: The command that simulates it.
        name: What messages call the port.

    Raises:
        UserError: The sources are not there.
        ToolError: The simulation cannot be made.
    """

    def __init__(self, command: Sequence[str], name: str) -> None:
        self.name = name
        self.seconds = _SECONDS
        self._process = subprocess.Popen(
            command,
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

    def exchange(self, content: bytes) -> bytes:
        """Make one transaction on SPI, and return as many bytes as it sends."""
        parts = [content[i : i + _MOST] for i in range(0, len(content), _MOST)]
        self.write(b"".join(bytes([len(part)]) + part for part in (*parts, b"")))
        return self.read(len(content))

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
