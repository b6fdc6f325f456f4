"""Damages files and values at random, and says what became of a damaged input."""

import copy
import random
import resource
import signal
import sys
from collections import Counter
from collections.abc import Callable, Iterable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any, NoReturn

from narrowcast.errors import UserError

LONGEST_MESSAGE = 400  # characters, without the path of the file
MOST_SECONDS = 10
MOST_MEGABYTES = 500  # for one input, all of which are small
VALUES: list[Any] = [
    *(
        0,
        1,
        -1,
        2,
        3,
        7,
        16,
        64,
        200,
        1000,
        4096,
        4097,
        1 << 31,
        1 << 63,
        -(1 << 64),
        10**40,
        10**4000,
    ),
    *(0.0, 0.5, -1.5, 1e308, 5e-324, float("nan"), float("inf"), -float("inf"), True, False, None),
    *("", "x", "auto", "a\nb", "'", '"', "\x00", "\x1b[2J", "\u2028", "x" * 5000, "../x", "0h"),
    *([], {}, [0], [[]], ["a", "a"], {"a": {"b": []}}, {"": 1}, ["x" * 2000]),
]
TOKENS = [
    *(b"", b"\n", b"\x00", b"\xff", b"\x1b[2J"),
    *(b"[", b"]", b"{", b"}", b'"', b"'", b"=", b".", b","),
    *(b"-1", b"1e999", b"nan", b"null", b"true", b'"x"', b"9" * 5000, b"0x" + b"f" * 5000),
    *(b"[" * 3000, b"{a=" * 3000, b"a." * 3000, b"x" * 100_000),
]


def mutate_value(document: Any, draw: random.Random) -> None:
    """Change one place of a value made of lists and dictionaries."""
    container, key = draw.choice(list(places(document)))
    kind = draw.choice(("value", "value", "near", "delete", "name", "swap"))
    if kind == "near" and isinstance(container[key], int | float):
        container[key] += draw.choice((-1, 1, -container[key], 1 << 16))
    elif kind == "delete":
        del container[key]
    elif kind == "name" and isinstance(container, dict):
        container[draw.choice(("", "x", "\n", "\x1b", "data", f"{key}s", "y" * 5000))] = 1
    elif kind == "swap":
        other, place = draw.choice(list(places(document)))
        container[key], other[place] = copy.deepcopy((other[place], container[key]))
    else:
        container[key] = copy.deepcopy(draw.choice(VALUES))


def places(value: Any) -> Iterator[tuple[Any, Any]]:
    """Yield every container of a value made of lists and dictionaries, with a key or index."""
    keys: list[Any] = []
    if isinstance(value, dict):
        keys = list(value)
    elif isinstance(value, list):
        keys = list(range(len(value)))
    for key in keys:
        yield value, key
        yield from places(value[key])


def mutate_bytes(content: bytes, draw: random.Random) -> bytes:
    """Cut off, remove, repeat or replace parts of a file."""
    for _ in range(draw.choice((1, 1, 2, 3))):
        first, last = sorted(draw.randrange(len(content) + 1) for _ in range(2))
        last = min(last, first + 30) if draw.random() < 0.7 else last
        content = draw.choice(
            (
                content[:first],
                content[:first] + content[last:],
                content[:last] + content[first:last] + content[last:],
                content[:first] + draw.choice(TOKENS) + content[last:],
                content[:first] + draw.randbytes(1) + content[first + 1 :],
            )
        )
    return content


@contextmanager
def time_limit(seconds: int) -> Iterator[None]:
    """Raise a TimeoutError in what takes more processor time, however busy the machine is."""

    def expired(*_: object) -> None:
        raise TimeoutError(f"took more than {seconds} s")

    before = signal.signal(signal.SIGPROF, expired)
    signal.setitimer(signal.ITIMER_PROF, seconds)
    try:
        yield
    finally:
        signal.setitimer(signal.ITIMER_PROF, 0)
        signal.signal(signal.SIGPROF, before)


def outcome(use: Callable[[], object], folder: Path) -> str:
    """Return ``accepted``, ``refused``, or in which way an input escaped."""
    before = peak_megabytes()
    result = _outcome(use, folder)
    taken = peak_megabytes() - before
    return result if taken <= MOST_MEGABYTES else f"took {taken:.0f} MB"


def peak_megabytes() -> float:
    """Return the most memory that this process has had so far."""
    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024


def _outcome(use: Callable[[], object], folder: Path) -> str:
    try:
        with time_limit(MOST_SECONDS):
            use()
    except UserError as error:
        line = str(error).replace(str(folder), "")
        if "\n" in line or not line.isprintable() or len(line) > LONGEST_MESSAGE:
            return f"message: {line!r}"
        return "refused"
    except Exception as error:
        return f"{type(error).__name__}: {error}"
    return "accepted"


def tally(results: Iterable[tuple[str, str]]) -> tuple[Counter[str], list[str]]:
    """Return how many inputs were accepted, refused and escaped, and a line for each escaped one.

    Args:
        results: Names of inputs, and what :func:`outcome` says of them.
    """
    found: Counter[str] = Counter()
    escaped = []
    for name, result in results:
        known = result in ("accepted", "refused")
        found[result if known else "escaped"] += 1
        if not known:
            escaped.append(f"{name}: {result[:2000]}")
    return found, escaped


def end(found: Counter[str], escaped: list[str]) -> NoReturn:
    """Print a tally and end the program, with code 1 if an input escaped."""
    print(", ".join(f"{number} {name}" for name, number in sorted(found.items())))
    print("\n".join(escaped))
    sys.exit(1 if escaped else 0)
