"""Runs external tools. A failure is an exception that quotes the tool's output."""

import shutil
import subprocess
import sys
from collections.abc import Callable, Sequence
from pathlib import Path

from narrowcast.errors import ToolError

INSTALL = {
    "ghdl": "apt-get install ghdl",
    "verilator": "apt-get install verilator",
    "g++": "apt-get install g++",
    "make": "apt-get install make",
    "vivado": "use yosys, or install AMD Vivado and put it on the PATH",
}
QUOTED_LINES = 30  # lines of a failed tool's output in the error message

ProgressCallback = Callable[[int, int, str], None]
"""Called with the units of work done, their total number, and a note."""


def require(tool: str) -> str:
    """Return the path of a tool.

    Raises:
        ToolError: The tool is not installed. The message says how to install it.
    """
    path = shutil.which(tool)
    if path is None:
        raise ToolError(f"{tool} is not installed: {INSTALL.get(tool, 'put it on the PATH')}")
    return path


def yowasp(package: str, tool: str) -> list[str]:
    """Return the command for a tool in a YoWASP Python package."""
    call = f"import sys, {package} as p; sys.exit(p.run_{tool.replace('-', '_')}(sys.argv[1:]))"
    return [sys.executable, "-c", call]


def run(
    command: Sequence[str | Path],
    folder: Path,
    on_line: Callable[[str], None] | None = None,
    name: str | None = None,
) -> str:
    """Run a tool in ``folder`` and return its output.

    Args:
        command: Program and arguments.
        folder: Working folder.
        on_line: Called with each line of the output at once.
        name: Name of the tool, if it is not that of the program.

    Raises:
        ToolError: The tool failed. The message quotes the last lines of its output.
    """
    arguments = [str(argument) for argument in command]
    lines: list[str] = []
    try:
        process = subprocess.Popen(
            arguments, cwd=folder, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True
        )
    except OSError as error:
        raise ToolError(f"{arguments[0]}: cannot be run: {error.strerror}") from None
    with process:
        try:
            for line in process.stdout or ():
                lines.append(line)
                if on_line is not None:
                    on_line(line.rstrip())
        except BaseException:
            process.kill()
            raise
    if process.returncode != 0:
        tail = "".join(lines[-QUOTED_LINES:]).rstrip()
        raise ToolError(f"{name or Path(arguments[0]).name} failed ({process.returncode}):\n{tail}")
    return "".join(lines)
