"""Errors that the user can correct, and the boundary that turns others into them."""

import re
import signal
from collections.abc import Iterator
from contextlib import contextmanager


class UserError(Exception):
    """The user's input is wrong. The message says what is wrong, where, and what to do.

    The command line prints the message as one line and exits with code 2.
    """


class ToolError(Exception):
    """An external tool (GHDL, Verilator, yosys, Vivado) failed. The message quotes its output."""


def exit_code(interruption: KeyboardInterrupt) -> int:
    """Return the exit code of an interrupted run: 128 and the number of the signal, as in shells.

    Without a number it is that of Ctrl-C.
    """
    return 128 + next(iter(interruption.args), signal.SIGINT)


def interruption_behind(error: BaseException) -> KeyboardInterrupt | None:
    """Return the interruption that an exception is, or during whose handling it was raised.

    What tidies up after an interruption may fail in its turn, also in a library.
    """
    behind: BaseException | None = error
    while behind is not None and not isinstance(behind, KeyboardInterrupt):
        behind = behind.__context__
    return behind


def shown(value: object, limit: int = 60) -> str:
    """Return a value from outside as one short line of printable characters.

    Args:
        value: Text is quoted; other values appear as ``str`` gives them.
        limit: Largest number of characters; more are replaced by an ellipsis.
    """
    try:
        line = repr(value[: 2 * limit]) if isinstance(value, str) else str(value)
    except (ValueError, RecursionError):  # an integer of thousands of digits, or deep nesting
        line = f"a value of type {type(value).__name__}"
    line = line.encode("unicode_escape").decode() if not line.isprintable() else line
    return line if len(line) <= limit else f"{line[: limit - 3]}..."


def shown_key(key: str) -> str:
    """Return a dotted key from outside: as it is if it is short and plain, else as ``shown``."""
    return key if re.fullmatch(r"[\w.*-]{1,60}", key) else shown(key)


def one_line(error: BaseException, limit: int = 180) -> str:
    """Return an exception's message, or its type, as a short printable line.

    Of several lines it is the first; of pydantic's mistakes, the place and text of the first.
    """
    from pydantic import ValidationError  # noqa: PLC0415 (slow, and for the unlucky only)

    text = str(error)
    if isinstance(error, ValidationError):
        mistake = error.errors(include_url=False)[0]
        place = shown_key(".".join(str(step) for step in mistake["loc"]))
        text = f"{place}: {' '.join(mistake['msg'].lower().split())}"
    first = next((line.strip() for line in text.splitlines() if line.strip()), "")
    printable = "".join(each if each.isprintable() else " " for each in first[: 2 * limit])
    line = printable or type(error).__name__
    return line if len(line) <= limit else f"{line[: limit - 3]}..."


@contextmanager
def boundary(source: str, advice: str = "") -> Iterator[None]:
    """Turn whatever a library raises while it reads ``source`` into one line for the user.

    Libraries document few of the exceptions that damaged input provokes in them, so that a list of
    types is never complete. Known mistakes are reported by name inside of the boundary.

    Args:
        source: What is read, usually a path.
        advice: What to do about it.

    Raises:
        UserError: Anything but an error for the user or an interruption was raised.
    """
    try:
        yield
    except (UserError, ToolError):
        raise
    except MemoryError:
        raise UserError(f"{source}: not enough memory to read it") from None
    except OSError as error:
        reason = error.strerror or one_line(error)
        raise UserError(f"{source}: cannot be read: {reason}") from None
    except RecursionError:
        raise UserError(f"{source}: is nested too deeply") from None
    except Exception as error:
        rest = f": {advice}" if advice else ""
        raise UserError(f"{source}: {one_line(error)}{rest}") from error
