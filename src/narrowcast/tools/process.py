"""Runs external tools. A failure is an exception that quotes the tool's output.

Every tool runs in a process group that ends with this process, however that ends. Its output may
have any encoding and any length, and its time is limited.
"""

import os
import shutil
import signal
import subprocess
import threading
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path

from narrowcast.errors import ToolError, UserError, one_line, shown

_PACKAGES = ("ghdl", "verilator", "g++", "make")  # of the same names in Debian and Ubuntu

TIME_LIMIT = "NARROWCAST_TOOL_MINUTES"
"""Environment variable that overrides the time limit of every tool, in minutes."""

# Tools that hang are ended, not those on a slow or busy machine, where synthesis takes an hour.
MINUTES = 6 * 60.0
LONG_MINUTES = 48 * 60.0  # for what takes hours: all windows of a large table, and Vivado
_MOST_MINUTES = 1e6

_MOST_BYTES = 200_000_000  # of a tool's output; no log and no Verilog of a design is as long
_PIECE = 1 << 16  # bytes of a line that are read at once
_QUOTED_LINES, _QUOTED_BYTES = 24, 2000  # a screenful
_FULL = 1_000_000  # bytes: a tool that failed on a disk with less free space has failed for it

# It waits for the end of its input, which is a pipe from this process, and kills the group.
_LEADER = ("/bin/sh", "-c", "trap '' HUP INT TERM; read _; kill -KILL 0")

ProgressCallback = Callable[[int, int, str], None]
"""Called with the units of work done, their total number, and a note."""


def require(tool: str) -> str:
    """Return the path of a tool.

    Raises:
        ToolError: The tool is not installed. The message says how to install it.
    """
    path = shutil.which(tool)
    if path is None:
        advice = "install it and put it on the PATH"
        if tool in _PACKAGES:
            advice = f"on Debian and Ubuntu: apt-get install {tool}; elsewhere, {advice}"
        elif tool == "vivado":
            advice = f"use yosys, or {advice}"
        raise ToolError(f"{tool} is not installed: {advice}")
    return str(Path(path).absolute())  # a link is kept, as some programs go by their name


def time_limit(minutes: float) -> float:
    """Return the time limit of a tool in minutes: ``minutes``, or that of the environment.

    Raises:
        UserError: The environment's is no number of minutes.
    """
    text = os.environ.get(TIME_LIMIT)
    if text is None:
        return minutes
    try:
        value = float(text)
    except ValueError:
        value = 0.0
    if not 0 < value <= _MOST_MINUTES:
        raise UserError(
            f"{TIME_LIMIT} = {shown(text)} is not allowed: it must be a number of minutes, "
            f"above 0 and at most {_MOST_MINUTES:.0f}"
        )
    return value


def run(
    command: Sequence[str | Path],
    folder: Path,
    on_line: Callable[[str], None] | None = None,
    name: str | None = None,
    minutes: float = MINUTES,
) -> str:
    """Run a tool in ``folder`` and return its output; bytes that are no UTF-8 are replaced.

    Args:
        command: Program and arguments.
        folder: Working folder, in which the tool also puts its temporary files.
        on_line: Called with each line of the output at once.
        name: Name of the tool, if it is not that of the program.
        minutes: Time limit, unless the user has set another one.

    Raises:
        ToolError: The tool failed, or was ended because of its time or output. The message quotes
            the end of its output.
        UserError: The disk is full, or the user's time limit is invalid.
    """
    arguments = [str(argument) for argument in command]
    name = name or Path(arguments[0]).name
    minutes = time_limit(minutes)
    pieces: list[bytes] = []
    size = 0
    expired = threading.Event()
    with _process_group() as group:

        def expire() -> None:
            expired.set()
            os.killpg(group, signal.SIGKILL)

        try:
            process = subprocess.Popen(
                arguments,
                cwd=folder,
                env={**os.environ, "TMPDIR": str(folder.resolve())},
                stdin=subprocess.DEVNULL,
                stdout=subprocess.PIPE,
                stderr=subprocess.STDOUT,
                process_group=group,
            )
        except OSError as error:
            raise ToolError(f"{arguments[0]}: cannot be run: {error.strerror}") from None
        assert process.stdout is not None  # as it is a pipe
        timer = threading.Timer(60 * minutes, expire)
        timer.daemon = True  # it keeps no interrupted process from ending
        try:
            timer.start()
            with process.stdout as stream:
                while size <= _MOST_BYTES and (piece := stream.readline(_PIECE)):
                    size += len(piece)
                    pieces.append(piece)
                    if on_line is not None:
                        on_line(piece.decode(errors="replace").rstrip())
            if size > _MOST_BYTES:
                os.killpg(group, signal.SIGKILL)
            process.wait()
        finally:
            timer.cancel()
            if timer.is_alive():
                timer.join()  # the group must not end before
    output = b"".join(pieces)
    if expired.is_set():
        problem = (
            f"{name} was ended after {minutes:g} minutes: set {TIME_LIMIT} to more minutes "
            "if it needs them"
        )
    elif size > _MOST_BYTES:
        problem = f"{name} was ended because it wrote more than {_MOST_BYTES // 10**6} MB"
    elif process.returncode != 0:
        problem = f"{name} failed ({process.returncode})"
    else:
        return output.decode(errors="replace")
    if shutil.disk_usage(folder).free < _FULL:
        raise UserError(
            f"{folder}: no space left for {name}: set TMPDIR to a folder on another disk"
        )
    raise ToolError(f"{problem}:\n{_end_of(output)}".rstrip(":\n"))


@contextmanager
def reading(tool: str, result: str) -> Iterator[None]:
    """Blame a tool for a result that is missing or not whole.

    Args:
        tool: Name of the tool.
        result: What is read.

    Raises:
        ToolError: Anything was raised that is not an error for the user yet.
    """
    try:
        yield
    except (UserError, ToolError):
        raise
    except Exception as error:
        why = error.strerror if isinstance(error, OSError) else one_line(error)
        raise ToolError(
            f"{tool} left no {result} that can be read ({why}): run it again, and reinstall {tool} "
            "if that does not help"
        ) from error


@contextmanager
def _process_group() -> Iterator[int]:
    """Yield a new process group, all of whose processes are killed at the end.

    If this process is killed, the leader's input ends and with it the group, including processes
    that a tool has started. A process that leaves the group is not noticed.
    """
    # Python keeps the object of a process that was not waited for, which must not hold the pipe.
    reader, writer = map(os.fdopen, os.pipe(), "rw")
    with (
        reader,
        subprocess.Popen(
            _LEADER, stdin=reader, stdout=subprocess.DEVNULL, process_group=0
        ) as leader,
        writer,
    ):
        yield leader.pid


def _end_of(output: bytes) -> str:
    """Return the last lines, at most a screenful, in printable characters."""
    lines = output[-_QUOTED_BYTES:].decode(errors="replace").splitlines()[-_QUOTED_LINES:]
    return "\n".join(
        "".join(c if c.isprintable() else c.encode("unicode_escape").decode() for c in line)
        for line in lines
    )
