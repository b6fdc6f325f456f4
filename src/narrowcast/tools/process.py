"""Runs external tools; a failure is an exception with the tool's own words."""

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
WORDS = 30  # lines of a failed tool's output that reach the user


def require(tool: str) -> str:
    """Return the path of a tool.

    Raises:
        ToolError: it is not installed; says how to install it.
    """
    path = shutil.which(tool)
    if path is None:
        raise ToolError(f"{tool} is not installed: {INSTALL.get(tool, 'put it on the PATH')}")
    return path


def yowasp(package: str, tool: str) -> list[str]:
    """Return the command for a tool that comes as a Python package."""
    call = f"import sys, {package} as p; sys.exit(p.run_{tool.replace('-', '_')}(sys.argv[1:]))"
    return [sys.executable, "-c", call]


def run(
    command: Sequence[str | Path],
    folder: Path,
    on_line: Callable[[str], None] | None = None,
    name: str | None = None,
) -> str:
    """Run a tool in ``folder`` and return what it printed.

    Args:
        command: program and arguments.
        folder: working folder.
        on_line: called with every line as it comes.
        name: of the tool, where it is not that of the program.

    Raises:
        ToolError: it did not succeed; with the last lines it printed.
    """
    words = [str(word) for word in command]
    lines: list[str] = []
    try:
        process = subprocess.Popen(
            words, cwd=folder, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True
        )
    except OSError as error:
        raise ToolError(f"{words[0]}: cannot be run: {error.strerror}") from None
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
        tail = "".join(lines[-WORDS:]).rstrip()
        raise ToolError(f"{name or Path(words[0]).name} failed ({process.returncode}):\n{tail}")
    return "".join(lines)
