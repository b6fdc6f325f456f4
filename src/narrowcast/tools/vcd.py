"""Toggle rates of the engine's signals, from the VCD file of a simulation.

The VCD may come from GHDL or another simulator, and from any test bench. The engine is recognised
by the names of its instances. The file is read line by line. A bit toggles when it changes from 0
to 1 or back; changes from or to unknown values do not count. Signals are in three groups, like the
terms of the energy:

lanes: registers of operands, products and sums of all lanes in DSP blocks.
memories: words at the outputs of all RAM, and of ROM in block memory.
rest: every other signal of the engine except the clock, once in each entity that it reaches.

The rates of lanes and memories are relative to the clock cycles in which they are enabled, because
their energy is per product and per access, and the numbers of these are known from the program.
"""

import gzip
import re
import zlib
from collections.abc import Iterator
from dataclasses import dataclass, field
from functools import partial
from pathlib import Path

from narrowcast.errors import UserError, boundary, shown
from narrowcast.estimate.power import Rates

_LANE = re.compile(r"_unit_(in_pairs_lanes_\w+_pair|one_by_one_lanes_\w+_one)$")
_LANE_REGISTERS = {"x_q", "w_q", "operand", "product", "acc"}
_MEMORY_REGISTER = "latched"
_LEFT_OUT = {"clk", "trace_valid", "trace_data"}  # the latter two are for debugging only
_UNKNOWN = b"xXzZuUwWlLhH-"
_OTHER_CHANGES = b"rRsS"  # of reals and texts
_LONGEST_LINE = 1 << 20  # bytes; the rest of a longer line counts as another
_MOST_WORDS = 100  # of a section; a comment may have more, which are passed over
_BITS = {"reg", "wire", "logic"}  # integers are wider in a VCD than in hardware


@dataclass
class _Signal:
    """A signal.

    Attributes:
        value: Current value; None if unknown.
        toggles: Number of toggles so far.
        high: Time for which the value was 1, in the unit of the file.
        since: Time of the last change.
    """

    value: int | None = None
    toggles: int = 0
    high: int = 0
    since: int = 0

    def becomes(self, value: int | None, now: int) -> None:
        if self.value == 1:
            self.high += now - self.since
        if value is not None and self.value is not None:
            self.toggles += (value ^ self.value).bit_count()
        self.value, self.since = value, now


@dataclass
class _Engine:
    """The signals of the engine and their groups, from the header of the file.

    Attributes:
        signals: All counted signals by their codes.
        clock: Code of the engine's clock.
        lanes: (bits, code, code of the enable) of the registers of lanes.
        memories: (bits, code, code of the enable) of the outputs of memories.
        rest: (bits, code) of all other signals.
    """

    signals: dict[bytes, _Signal] = field(default_factory=dict)
    clock: bytes = b""
    lanes: list[tuple[int, bytes, bytes]] = field(default_factory=list)
    memories: list[tuple[int, bytes, bytes]] = field(default_factory=list)
    rest: list[tuple[int, bytes]] = field(default_factory=list)


def read_activity(path: Path | str) -> Rates:
    """Return the toggle rates of the engine in a VCD file, which may be compressed (``.gz``).

    Raises:
        UserError: The file cannot be read, is not a VCD, is truncated, or has no engine.
    """
    path = Path(path)
    with boundary(str(path), "simulate again"):
        try:
            with gzip.open(path) if path.suffix == ".gz" else path.open("rb") as stream:
                lines = iter(partial(stream.readline, _LONGEST_LINE), b"")
                engine = _head(lines, path)
                return _rates(engine, *_changes(lines, engine, path), path)
        except (EOFError, zlib.error):
            raise UserError(f"{path}: is cut short: simulate again") from None


def _head(lines: Iterator[bytes], path: Path) -> _Engine:
    scope: list[str] = []
    scopes: set[tuple[str, ...]] = set()
    variables: list[tuple[tuple[str, ...], str, int, bytes, str]] = []
    for words in _sections(lines, path):
        match words:
            case [b"$scope", _, name]:
                scope.append(name.decode(errors="replace").lower())
                scopes.add(tuple(scope))
            case [b"$upscope"] if scope:
                scope.pop()
            case [b"$var", kind, size, code, name, *_] if re.fullmatch(rb"\d{1,9}", size):
                plain = name.decode(errors="replace").partition("[")[0].lower()
                variables.append(
                    (tuple(scope), kind.decode(errors="replace"), int(size), code, plain)
                )
            case [b"$scope" | b"$upscope" | b"$var", *_]:
                raise UserError(f"{path}: is no VCD: its head has {_text(b' '.join(words))}")
    tops = [s[:-1] for s in scopes if s[-1] == "control" and (*s[:-1], "collect") in scopes]
    if not tops:
        raise UserError(f"{path}: no engine is in it: trace the whole design, with all instances")
    return _engine(min(tops), variables)


def _sections(lines: Iterator[bytes], path: Path) -> Iterator[list[bytes]]:
    """Yield the words of each section of the header, without ``$end``."""
    words: list[bytes] = []
    for line in lines:
        for word in line.split():
            if not words and not word.startswith(b"$"):
                raise UserError(f"{path}: is no VCD: its head has {_text(word)}")
            if word != b"$end":
                words += [word] if len(words) < _MOST_WORDS else []
                continue
            if words[0] == b"$enddefinitions":
                return
            yield words
            words = []
    raise UserError(f"{path}: is no VCD, or cut short: its head has no end")


def _engine(
    top: tuple[str, ...], variables: list[tuple[tuple[str, ...], str, int, bytes, str]]
) -> _Engine:
    engine, counted = _Engine(), set[bytes]()
    codes = {(scope, name): code for scope, _, _, code, name in variables}
    engine.clock = codes.get((top, "clk"), b"")
    engine.signals[engine.clock] = _Signal()
    for scope, kind, bits, code, name in variables:
        if scope[: len(top)] != top or kind not in _BITS or name in _LEFT_OUT:
            continue
        place = "_".join(re.sub(r"\W+", "_", each).strip("_") for each in scope[len(top) :])
        lane, memory = bool(_LANE.search(place)), name == _MEMORY_REGISTER
        enable = codes.get((scope, "enable")) or codes.get((scope[:-1], "enable"))
        if (lane or memory) and enable is None:
            continue
        if (lane and name in _LANE_REGISTERS) or memory:
            group = engine.lanes if lane else engine.memories
            group.append((bits, code, enable or b""))
            engine.signals.setdefault(enable or b"", _Signal())
        elif not lane and code not in counted:  # aliases of a signal count once
            engine.rest.append((bits, code))
        else:
            continue
        counted.add(code)
        engine.signals.setdefault(code, _Signal())
    return engine


def _changes(lines: Iterator[bytes], engine: _Engine, path: Path) -> tuple[int, float]:
    """Process all changes; return the number of clock cycles, and the clock period."""
    signals, clock, now = engine.signals, engine.clock, 0
    edges: list[int] = [0, 0, 0]  # number of rising edges, time of the first and of the last
    comment = False
    try:
        for line in lines:
            if comment:
                comment = b"$end" not in line
                continue
            kind = line[:1]
            if kind in b"01":
                code = line[1:].strip()
                if (signal := signals.get(code)) is not None:
                    if code == clock and kind == b"1" and signal.value == 0:
                        edges = [edges[0] + 1, edges[1] if edges[0] else now, now]
                    signal.becomes(int(kind), now)
            elif kind in b"bB":
                digits, code = line[1:].split()
                if (signal := signals.get(code)) is not None:
                    signal.becomes(int(digits, 2) if digits.strip(b"01") == b"" else None, now)
            elif kind == b"#":
                before, now = now, int(line[1:])
                if now < before:
                    raise ValueError
            elif kind in _UNKNOWN:
                if (signal := signals.get(line[1:].strip())) is not None:
                    signal.becomes(None, now)
            elif kind == b"$":
                comment = line.startswith(b"$comment") and b"$end" not in line
            elif kind not in _OTHER_CHANGES and line.strip():
                raise ValueError
    except ValueError:
        raise UserError(f"{path}: is damaged: {_text(line)} is no change") from None
    for signal in signals.values():
        signal.becomes(signal.value, now)
    return edges[0], (edges[2] - edges[1]) / max(1, edges[0] - 1)


def _text(content: bytes) -> str:
    return shown(content[:120].decode(errors="replace").strip())


def _rates(engine: _Engine, clocks: int, period: float, path: Path) -> Rates:
    if clocks < 2:
        raise UserError(f"{path}: the engine's clock does not run: simulate a few windows")

    def when_enabled(group: list[tuple[int, bytes, bytes]]) -> float | None:
        toggles = sum(engine.signals[code].toggles for _, code, _ in group)
        bits = sum(each * engine.signals[enable].high / period for each, _, enable in group)
        return toggles / bits if bits else None

    toggles = sum(engine.signals[code].toggles for _, code in engine.rest)
    rest = toggles / clocks / max(1, sum(bits for bits, _ in engine.rest))
    return Rates(when_enabled(engine.lanes), when_enabled(engine.memories), rest, clocks)
