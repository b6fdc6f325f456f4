"""A way of the array: lanes, registers of sums, softmax and epilogue together, clock by clock."""

import random
from collections import Counter, deque
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

import pytest
from bench import Bench, Numbers, either
from program import STEP

from narrowcast.compile.emit import LANE_KINDS, aggregate, array_of, scalar, vector
from narrowcast.compile.encode import Destination
from narrowcast.compile.lanes import LaneKind
from narrowcast.compile.timing import (
    BELOW_TO_DIVIDE,
    BIAS_TO_SCORE,
    FETCH,
    ROW_MULTIPLIER_BITS,
    SCORE_TO_BELOW,
    VALUE_TO_RESULT,
)

LANE = 3  # clocks from an operand pair to the sum with its product; 1 more beside groups
STAGES = VALUE_TO_RESULT - 1  # ... from a sum to its result
PARAMETERS = 2  # ... to its bias, M, R and residual operand
TABLE = 2  # ... from an index of the table of exponentials to its exponential
DIVISION = BELOW_TO_DIVIDE + ROW_MULTIPLIER_BITS - STAGES - TABLE - 1  # ... to M's write

LONGEST = 12  # products of a sum
SUM_BITS, BIAS_BITS, M_BITS, RESIDUAL_BITS, Y_BITS = 22, 16, 18, 8, 8
STEP_BITS, ADDRESS_BITS, SLOT_BITS, RING_BITS, E_BITS = 4, 9, 3, 2, 6
MOST_KEYS = 5
TABLES = (40, 24)  # entries of the tables of exponentials, one behind the other
FULL = (1 << E_BITS) - 1

INPUTS = (
    *("reset", "rewind", "enable", "first", "group_first", "group_last", "x", "done", "move"),
    *("column", "taking", "valid", "softmax", "row_m", "step", "ways", "row_first", "row_last"),
    *("slot", "y_address", "y_lane", "bias", "m", "r", "residual", "absent"),
    *("take_run", "running"),
)

Clock = Mapping[str, int]  # the inputs of a clock by name; "w 0", "w 1" ... of each lane
Sums = list[int] | None  # of each lane; None: there is none yet
Result = tuple[int, int, int]  # number, step, tag


@dataclass(frozen=True)
class Lanes:
    """The lanes of a way, in an engine whose widest lane operand has LANE_BITS.

    Attributes:
        kind: Their kind.
        columns: Their number.
        x_bits: Width of the broadcast operand.
        lane_bits: LANE_BITS.
        w_bits: Width of the lane operand, which is the lower part of LANE_BITS.
        field: Position of the upper product of a pair.
        group: Most products that a pair sums up in its field; 0: sums are not in groups.
    """

    kind: LaneKind
    columns: int
    x_bits: int
    lane_bits: int
    w_bits: int
    field: int = 21
    group: int = 0

    @property
    def index_bits(self) -> int:
        """LANE_INDEX_BITS."""
        return max(1, (self.columns - 1).bit_length())


LANES = {
    "pairs": Lanes(LaneKind.PAIRS, 4, 9, 4, 4),
    "pairs in groups": Lanes(LaneKind.PAIRS, 6, 9, 8, 8, field=17, group=2),
    "single": Lanes(LaneKind.SINGLE, 3, 7, 6, 6),
    "single, narrow": Lanes(LaneKind.SINGLE, 5, 5, 8, 4),
    "tables": Lanes(LaneKind.TABLES, 4, 5, 6, 4),
    "trees": Lanes(LaneKind.TREES, 4, 9, 8, 8),
    "tables beside groups": Lanes(LaneKind.TABLES, 2, 5, 8, 3, field=17, group=2),
}


def signed(number: int, bits: int) -> int:
    """The lowest bits of a number as a two's complement number."""
    return (number + (1 << (bits - 1))) % (1 << bits) - (1 << (bits - 1))


@dataclass(frozen=True)
class Entry:
    """What enters the epilogue: a sum, or the difference of a score.

    Attributes:
        acc: The number, borrow included.
        step: Index of its step.
        tag: What leaves beside the result.
        row_m: The row's M, which some steps take instead of the column's.
    """

    acc: int
    step: int
    tag: int
    row_m: int

    def terms(self, step: Clock, now: Clock) -> tuple[int, int]:
        """The factor of M, and what does not depend on M, with the operands of a clock."""
        biased = self.acc + step["has_bias"] * now["bias"]
        residual = step["has_residual"] * (now["residual"] - step["residual_zero"])
        return biased, residual * now["r"] << step["residual_shift"]

    def result(self, step: Clock, now: Clock) -> int:
        biased, rest = self.terms(step, now)
        total = biased * (self.row_m if step["row_multiplier"] else now["m"]) + rest
        y = (total + (1 << (step["shift"] - 1))) >> step["shift"]
        return min(max(step["y_zero"] + y, step["y_low"]), step["y_high"])


class Way:
    """The twin: takes the inputs of a clock and returns the outputs of that clock.

    Args:
        lanes: of the way.
        index: 0, or 1: the second way, which only has sums where both ways have a token.
        steps: the program.
        table: all exponentials.
        kept: whether keys are kept: scores have biases, and some are absent; there is a running
            sum.
    """

    def __init__(
        self,
        lanes: Lanes,
        index: int,
        steps: Sequence[Clock],
        table: Sequence[int],
        *,
        kept: bool,
    ) -> None:
        self.lanes, self.index, self.steps, self.table = lanes, index, steps, table
        self.kept = kept
        self.clocks = 0
        self.acc = [0] * lanes.columns
        self.shown: Sums = None
        self.in_lanes: deque[Sums] = deque([None] * (LANE + (lanes.group > 0)))
        self.outer: Sums = None
        self.inner: Sums = None
        self.value: int | None = None
        # by clock
        self.held: set[int] = set()
        self.below: dict[int, tuple[int, int, int]] = {}  # number, step, tag
        self.entered: dict[int, Entry] = {}
        self.results: dict[int, Result] = {}
        self.indices: dict[int, Result] = {}  # likewise, of an exponential
        self.quotients: dict[int, int] = {}
        # of rows
        self.scores: list[list[int]] = []  # and whether each is absent
        self.row_address = 0
        self.unbiased: dict[int, list[int]] = {}  # by the clock of its bias
        self.complete: dict[int, tuple[list[list[int]], Clock]] = {}  # likewise, of the last score
        self.row_sum = 0
        self.row = 0
        self.ring: dict[int, int] = {}
        self.row_m = 0

    def clock(self, now: Clock) -> Numbers:
        """Outputs that mean nothing in this clock are None."""
        held = int(self.clocks in self.held)
        below = self.below.pop(self.clocks, None)
        next_below = self.below.get(self.clocks + 1)
        self._read_multiplier(now)
        result = self._finish(now, below)
        exponential = self._sum_up(now)
        self._score(now)
        self._multiply(now)
        if now["reset"]:
            self._reset()
        self.clocks += 1
        return [
            *(held, int(next_below is not None), next_below[1] if next_below else None),
            *(int(result is not None), *(result or (None, None, None))),
            *(int(exponential is not None), *(exponential or (None, None))),
        ]

    def _multiply(self, now: Clock) -> None:
        """The lanes, and the registers that keep their sums."""
        lanes = self.lanes
        if now["enable"]:
            base = [0] * lanes.columns if now["first"] else self.acc
            w = [signed(now[f"w {i}"], lanes.w_bits) for i in range(lanes.columns)]
            self.acc = [acc + now["x"] * each for acc, each in zip(base, w, strict=True)]
            if now["group_last"] or not (lanes.group and lanes.kind == LaneKind.PAIRS):
                self.shown = self.acc
        if now["taking"]:
            assert self.inner is not None
            self.value = self.inner[now["column"]]
        if now["move"]:
            self.inner = self.outer
        if now["done"]:
            self.outer = self.in_lanes[0]
            if self.kept and now["take_run"] and self.outer is not None:
                self.outer = [now["running"], *self.outer[1:]]
        self.in_lanes.popleft()
        self.in_lanes.append(self.shown)

    def _score(self, now: Clock) -> None:
        """Scores of a row, and once it is complete what each lies below the largest."""
        delay = BIAS_TO_SCORE if self.kept else 0
        if now["valid"] and now["softmax"]:
            assert self.value is not None
            if now["row_first"]:
                self.scores, self.row_address = [], now["y_address"]
            self.scores.append([self.value, now["absent"] if self.kept else 0])
            if self.kept:
                self.unbiased[self.clocks + delay] = self.scores[-1]
            if now["row_last"]:
                row = self.scores, {**now, "y_address": self.row_address}
                self.complete[self.clocks + delay] = row
        if score := self.unbiased.pop(self.clocks, None):
            score[0] += now["bias"]
        if self.clocks in self.complete:
            scores, last = self.complete.pop(self.clocks)
            largest = max(score for score, absent in scores if not absent)
            start = self.clocks + SCORE_TO_BELOW
            for i, (score, absent) in enumerate(scores):
                ends = 2 * (i == 0) + (i == len(scores) - 1)
                tag = self._tag(last["y_address"] + i, absent, last["ways"], ends)
                self.below[start + i] = score - largest, last["step"], tag
                self.held |= {start + i - 1, start + i, start + i + 1}

    def _tag(self, address: int, lane: int, ways: int, ends: int) -> int:
        return ((address << self.lanes.index_bits | lane) << 2 | ways) << 2 | ends

    def _read_multiplier(self, now: Clock) -> None:
        if now["row_m"]:
            self.row_m = self.ring[now["slot"] % (1 << RING_BITS)]

    def _finish(self, now: Clock, below: tuple[int, int, int] | None) -> Result | None:
        """What enters the epilogue, gets its operands, and leaves."""
        if below is not None:
            self.entered[self.clocks] = Entry(*below, self.row_m)
        elif now["valid"] and not now["softmax"] and (self.index == 0 or now["ways"] == 3):
            assert self.value is not None
            ends = 2 * now["row_first"] + now["row_last"] if self.kept else 0
            tag = self._tag(now["y_address"], now["y_lane"], now["ways"], ends)
            self.entered[self.clocks] = Entry(self.value, now["step"], tag, self.row_m)
        entry = self.entered.pop(self.clocks - PARAMETERS, None)
        if entry is not None:
            y = entry.result(self.steps[entry.step], now)
            self.results[self.clocks - PARAMETERS + STAGES] = y, entry.step, entry.tag
        result = self.results.pop(self.clocks, None)
        if result is not None and self.steps[result[1]]["destination"] == Destination.TO_SOFTMAX:
            self.indices[self.clocks + TABLE] = result
        return result

    def _sum_up(self, now: Clock) -> tuple[int, int] | None:
        """The exponentials, and the row's multiplier: one division by their sum."""
        quotient = self.quotients.pop(self.clocks, None)
        if quotient is not None:
            self.ring[self.row] = quotient
            self.row = (self.row + 1) % (1 << RING_BITS)
        if now["rewind"]:
            self.row = 0
        found = self.indices.pop(self.clocks, None)
        if found is None:
            return None
        index, step, tag = found
        fields = self.steps[step]
        absent = self.kept and tag >> 4 & 1
        e = 0 if absent else self.table[fields["table_base"] + index]
        self.row_sum = e if tag & 2 else self.row_sum + e
        if tag & 1:
            self.quotients[self.clocks + DIVISION] = fields["numerator"] // self.row_sum
        return e + fields["e_zero"], tag

    def _reset(self) -> None:
        """What is in flight is lost; sums, and multipliers that were written, stay."""
        self.held.clear()
        self.scores = []
        self.row = 0
        self.unbiased.clear()
        self.complete.clear()
        for pending in (self.below, self.entered, self.results, self.indices, self.quotients):
            pending.clear()


def drawn_table(noise: random.Random) -> list[int]:
    """Tables of exponentials: the first of each is full scale."""
    return [FULL if i == 0 else noise.randint(0, FULL) for size in TABLES for i in range(size)]


def token_step(noise: random.Random, row_multiplier: int) -> dict[str, int]:
    low, high = sorted(noise.sample(range(-128, 128), 2))
    shift = noise.randint(18, 24) if row_multiplier else noise.randint(3, 24)
    return {
        **STEP,
        **{name: noise.randint(0, 1) for name in ("has_bias", "has_residual")},
        "row_multiplier": row_multiplier,
        "destination": noise.choice([d for d in Destination if d != Destination.TO_SOFTMAX]),
        "residual_zero": noise.randint(-128, 127),
        "residual_shift": noise.randint(0, 12),
        "shift": shift,
        "rounding": shift - 1,
        "y_zero": noise.randint(low, high),
        "y_low": low,
        "y_high": high,
    }


def scores_step(noise: random.Random, table: int) -> dict[str, int]:
    """The largest score of a row has index 0, so that no quotient is too large."""
    shift = noise.randint(3, 24)
    return {
        **STEP,
        "destination": Destination.TO_SOFTMAX,
        "shift": shift,
        "rounding": shift - 1,
        "y_high": TABLES[table] - 1,
        "numerator": noise.randrange(FULL << ROW_MULTIPLIER_BITS),
        "table_base": sum(TABLES[:table]),
        "e_zero": noise.randint(-32, 0),
    }


def drawn_program(noise: random.Random, keys: int) -> list[dict[str, int]]:
    """Steps for tokens and, if there are keys, those of two attentions."""
    tokens = [token_step(noise, 0) for _ in range(6)]
    if not keys:
        return tokens
    tokens += [token_step(noise, 1) for _ in range(2)]
    return tokens + [scores_step(noise, table) for table in range(2)]


def config(
    lanes: Lanes,
    steps: Sequence[Clock],
    table: Sequence[int],
    keys: int,
    row_length: int,
    block: int,
    *,
    kept: bool,
) -> list[str]:
    """What a way takes of ``engine_config``."""
    numbers = {
        "COLUMNS": lanes.columns,
        "LANE_BITS": lanes.lane_bits,
        "LANE_INDEX_BITS": lanes.index_bits,
        "PAIR_FIELD": lanes.field,
        "GROUPED": int(lanes.group > 0),
        **{"SUM_BITS": SUM_BITS, "BIAS_BITS": BIAS_BITS, "BIASED_BITS": SUM_BITS + 1},
        **{"BIASED_CUT": 0, "M_CUT": 15 * kept},
        **{"M_BITS": M_BITS, "RESIDUAL_BITS": RESIDUAL_BITS, "TOTAL_BITS": SUM_BITS + M_BITS + 4},
        **{"SHIFT_LOW": 3, "SHIFT_HIGH": 24, "UP_LOW": 0, "UP_HIGH": 12, "Y_BITS": Y_BITS},
        **{"STEP_BITS": STEP_BITS, "ADDRESS_BITS": ADDRESS_BITS, "SLOT_BITS": SLOT_BITS},
        "MOST_KEYS": keys,
        "ROW_LENGTH": row_length,
        "SPLIT": 0,
        **{"KEPT_ROWS": MOST_KEYS * kept, "SCORE_BIASES": int(kept), "RUNNING_SUMS": int(kept)},
        "RING_BITS": RING_BITS,
        "E_BITS": E_BITS,
        "ROW_SUM_BITS": (MOST_KEYS * FULL).bit_length(),
        "ROW_M_BITS": ROW_MULTIPLIER_BITS,
        "NUMERATOR_BITS": E_BITS + ROW_MULTIPLIER_BITS,
        **{"SCORES_BLOCK": block, "EXPONENTIAL_BLOCK": block, "ROW_M_BLOCK": block},
    }
    return [
        *(scalar(*each) for each in numbers.items()),
        array_of("PROGRAM", "step_array", [aggregate(step) for step in steps]),
        vector("EXPONENTIALS_IMAGE", table, E_BITS),
    ]


class Conversation:
    """Draws what a way may meet, and knows from the twin what is to come out.

    Whatever is not valid is noise. Sums are done, moved and taken at any time; sums enter the
    epilogue where no column is held, rows of scores as near to each other as they may.

    Args:
        seed: of all numbers.
        lanes: of the way.
        index: of the way.
        keys: most scores of a row; 0: there are none.
        row_length: scores of each row; 0: any number.
        steps: the program; none: one that is drawn.
        kept: whether keys are kept.
    """

    def __init__(
        self,
        seed: str,
        lanes: Lanes,
        index: int,
        keys: int,
        row_length: int = 0,
        steps: Sequence[Clock] = (),
        *,
        kept: bool = False,
    ) -> None:
        self.noise = random.Random(seed)
        self.lanes, self.keys, self.row_length = lanes, keys, row_length
        self.steps = steps or drawn_program(self.noise, keys)
        self.table = drawn_table(self.noise)
        self.way = Way(lanes, index, self.steps, self.table, kept=kept)
        self.pairs = self._pairs()
        self.row: deque[Clock] = deque()  # its scores that are to come
        self.rows_free = self.divider_free = 0  # the clock from which on the next row may end
        self.clocks: list[Clock] = []
        self.due: list[Numbers] = []
        self.seen: Counter[str] = Counter()

    def _pairs(self) -> Iterator[Clock]:
        """Flags of operand pairs: sums of any length, some with gaps."""
        noise, group = self.noise, self.lanes.group or LONGEST
        while True:
            length, gaps = noise.choice((1, 2, 3, LONGEST)), noise.choice((0, 0, 0.5))
            for k in range(length):
                while noise.random() < gaps:
                    yield {}
                last = int(k % group == group - 1 or k == length - 1)
                first = {"first": int(k == 0), "group_first": int(k % group == 0)}
                yield {"enable": 1, **first, "group_last": last}

    def _noise(self) -> dict[str, int]:
        noise, lanes = self.noise, self.lanes
        most = (1 << (lanes.lane_bits - 1)) - 1
        numbers = {
            **{name: noise.randint(0, 1) for name in ("first", "group_first", "group_last")},
            **{name: noise.randint(0, 1) for name in ("softmax", "row_first", "row_last")},
            **{name: noise.randint(0, 1) for name in ("absent", "take_run")},
            "running": either(noise, SUM_BITS - 4),
            **dict.fromkeys(("reset", "rewind", "enable", "done", "move", "taking"), 0),
            **dict.fromkeys(("valid", "row_m"), 0),
            "x": either(noise, lanes.x_bits),
            "column": noise.randrange(lanes.columns),
            "step": noise.randrange(len(self.steps)),
            "ways": noise.randint(1, 3),
            "slot": noise.getrandbits(SLOT_BITS),
            "y_address": noise.getrandbits(ADDRESS_BITS),
            "y_lane": noise.randrange(lanes.columns),
            "bias": either(noise, BIAS_BITS) >> noise.randrange(BIAS_BITS),
            "m": either(noise, M_BITS),
            "r": either(noise, M_BITS) >> noise.randrange(M_BITS),
            "residual": either(noise, RESIDUAL_BITS),
        }
        for i in range(lanes.columns):  # a pair's operands are in +-most
            w = either(noise, lanes.lane_bits)
            numbers[f"w {i}"] = max(w, -most) if lanes.kind == LaneKind.PAIRS else w
        return numbers

    def clock(self, **given: int) -> None:
        """One clock: what is given, and noise, of which the twin says what comes of it."""
        now = self._noise() | given
        entry = self.way.entered.get(self.way.clocks - PARAMETERS)
        if entry is not None and "m" not in given:
            now["m"] = self._near_the_limits(entry, now)
        self.clocks.append(now)
        self.due.append(self.way.clock(now))

    def _near_the_limits(self, entry: Entry, now: Clock) -> int:
        """An M with which the result is between the limits or near them, if there is one."""
        step, most = self.steps[entry.step], (1 << (M_BITS - 1)) - 1
        target = self.noise.randint(step["y_low"] - 9, step["y_high"] + 9) - step["y_zero"]
        factor, rest = entry.terms(step, now)
        m = ((target << step["shift"]) - rest) // (factor or 1) + self.noise.randint(-2, 2)
        return min(max(m, -most), most)

    def draw(self) -> None:
        """One clock in which anything may happen."""
        noise, way = self.noise, self.way
        flags = {
            "reset": int(noise.random() < 0.003),
            "rewind": int(noise.random() < 0.01),
            "done": int(noise.random() < 0.3),
            "move": int(noise.random() < 0.3),
            "taking": int(way.inner is not None and noise.random() < 0.6),
        }
        slot = noise.getrandbits(SLOT_BITS)
        kept = slot % (1 << RING_BITS)
        if kept in way.ring and not (way.clocks in way.quotients and kept == way.row):
            flags |= {"slot": slot, "row_m": int(noise.random() < 0.5)}
        if way.value is not None and noise.random() < 0.8:
            flags |= self._score() if self.row else self._token()
        if not self.row and self.keys and noise.random() < 0.3:
            self._begin_row()
        if flags["reset"]:
            self.row.clear()
        self.clock(**(next(self.pairs) | flags))

    def _token(self) -> Clock:
        """A sum for the epilogue, if columns were not held in the clock before."""
        noise, way = self.noise, self.way
        if way.clocks - 1 in way.held:
            return {}
        usable = [
            i
            for i, step in enumerate(self.steps)
            if step["destination"] != Destination.TO_SOFTMAX
            and (way.ring or not step["row_multiplier"])
        ]
        step = noise.choice(usable)
        self.seen["sums with a row's M"] += self.steps[step]["row_multiplier"]
        return {"valid": 1, "softmax": 0, "step": step}

    def _begin_row(self) -> None:
        noise = self.noise
        length = self.row_length or noise.randint(1, self.keys)
        step = noise.choice([len(self.steps) - 1, len(self.steps) - 2])
        of_row = {"valid": 1, "softmax": 1, "step": step, "ways": noise.randint(1, 3)}
        address = noise.randrange((1 << ADDRESS_BITS) - length)
        for i in range(length):
            ends = {"row_first": int(i == 0), "row_last": int(i == length - 1)}
            absent = 0 if i == 0 else noise.randint(0, 1)
            self.row.append({**of_row, **ends, "y_address": address + i, "absent": absent})

    def _score(self) -> Clock:
        """The row's next score; the last has to wait for the row before it.

        A row ends when the one before has been handed on, and its exponentials when that one's
        division is over.
        """
        if self.row[0]["row_last"]:
            length, now = len(self.way.scores) * (not self.row[0]["row_first"]) + 1, self.way.clocks
            if now < max(self.rows_free, self.divider_free - length):
                return {}
            self.rows_free = now + max(length, FETCH)
            self.divider_free = now + length + ROW_MULTIPLIER_BITS + 1
        self.seen["scores"] += 1
        return self.row.popleft()

    def check(self, bench: Bench) -> list[Numbers]:
        """Compare every clock, and return the outputs; those that mean nothing may be anything."""
        lanes = self.lanes
        names = [*INPUTS, *(f"w {i}" for i in range(lanes.columns))]
        out = bench.run(
            [[now[name] for name in names] for now in self.clocks],
            INDEX=self.way.index,
            LANE_KIND=LANE_KINDS[lanes.kind],
            X_WIDTH=lanes.x_bits,
            W_WIDTH=lanes.w_bits,
        )
        for k, (found, due) in enumerate(zip(out, self.due, strict=True)):
            if k:  # the reset of the first clock is seen in the second
                assert [f for f, d in zip(found, due, strict=True) if d is not None] == [
                    d for d in due if d is not None
                ], k
            if due[3]:
                step = self.steps[due[5] or 0]
                self.seen["results"] += 1
                self.seen["between limits"] += step["y_low"] < (due[4] or 0) < step["y_high"]
            self.seen["exponentials"] += due[7] or 0
        return out


def bench_of(work: Path, talk: Conversation, block: int) -> Bench:
    below = ("lane", "lane_pair", "lane_tables", "ram", "rom")
    below += ("row_maximum", "row_reciprocal", "epilogue")
    contents = (talk.lanes, talk.steps, talk.table, talk.keys, talk.row_length, block)
    return Bench(work, "way", *below, config=config(*contents, kept=talk.way.kept))


@pytest.mark.parametrize("index", [0, pytest.param(1, marks=pytest.mark.long)])
@pytest.mark.parametrize(("keys", "row_length"), [(0, 0), (MOST_KEYS, 0)])
@pytest.mark.parametrize("lanes", LANES.values(), ids=LANES)
def test_drawn_numbers(
    tmp_path: Path, lanes: Lanes, keys: int, row_length: int, index: int
) -> None:
    converse(tmp_path, Conversation(f"{lanes}", lanes, index, keys, row_length))


@pytest.mark.parametrize("row_length", [0, MOST_KEYS])
@pytest.mark.parametrize("lanes", ["pairs", "single", "tables"])
def test_scores_of_keys_that_are_kept(tmp_path: Path, lanes: str, row_length: int) -> None:
    converse(tmp_path, Conversation("", LANES[lanes], 0, MOST_KEYS, row_length, kept=True))


@pytest.mark.parametrize("row_length", [1, 2, 3])
def test_rows_of_one_length(tmp_path: Path, row_length: int) -> None:
    converse(tmp_path, Conversation("", LANES["pairs"], 0, row_length, row_length))


def converse(work: Path, talk: Conversation) -> None:
    """Draw and compare, and see to it that enough has been met."""
    talk.clock(reset=1)
    for _ in range(2500):
        talk.draw()
    talk.check(bench_of(work, talk, talk.way.index))
    seen = talk.seen
    assert seen["results"] > 300
    assert 0.15 < seen["between limits"] / seen["results"] < 0.9
    if talk.keys:
        assert min(seen["exponentials"], seen["scores"]) > 100
        assert seen["sums with a row's M"] > 30


@pytest.mark.parametrize("lanes", LANES.values(), ids=LANES)
def test_columns_of_two_tiles(tmp_path: Path, lanes: Lanes) -> None:
    """A tile's sums stay while the next tile's are made; a pair's lower sum may be negative."""
    steps = [STEP | {"shift": 3, "rounding": 2, "y_low": -128, "y_high": 127}]
    talk = Conversation("", lanes, 0, 0, steps=steps)
    tiles = [(-1, 3, -2, -3, 0, 1), (1, -2, -1, 0, 3, 2)]
    done = len(talk.way.in_lanes)  # after the first tile's pair
    every = {"step": 0, "m": 8, "x": 1, "first": 1, "group_first": 1, "group_last": 1}
    talk.clock(reset=1)
    for clock in range(done + 2):
        given = {"enable": int(clock < 2), "done": int(clock >= done), "move": int(clock > done)}
        w = tiles[min(clock, 1)]
        talk.clock(**every, **given, **{f"w {i}": w[i] for i in range(lanes.columns)})
    for _ in tiles:
        for column in range(lanes.columns):
            move = int(column == lanes.columns - 1)
            talk.clock(**every, taking=1, column=column, move=move)
            talk.clock(**every, valid=1, softmax=0)
    for _ in range(STAGES):
        talk.clock(**every)
    out = talk.check(bench_of(tmp_path, talk, 0))
    expected = [sum_ for tile in tiles for sum_ in tile[: lanes.columns]]
    assert [y for _, _, _, valid, y, *_ in out[1:] if valid] == expected


def test_a_row_of_equal_scores(tmp_path: Path) -> None:
    """Three exponentials of full scale, and a sum of 3 times numerator / (3 * full scale)."""
    token = STEP | {"shift": 5, "rounding": 4, "y_high": 127, "row_multiplier": 1}
    scores = scores_step(random.Random(0), 1) | {"numerator": 3 * FULL * 1000 + 2, "e_zero": -10}
    lanes = LANES["single"]
    talk = Conversation("", lanes, 0, 3, steps=[token, scores])
    talk.clock(reset=1)
    talk.clock(enable=1, first=1, x=1, **{f"w {i}": 3 for i in range(lanes.columns)})
    for clock in range(LANE + 3):
        talk.clock(done=int(clock == LANE - 1), move=int(clock == LANE), taking=int(clock > LANE))
    for i in range(3):
        ends = {"row_first": int(i == 0), "row_last": int(i == 2)}
        talk.clock(**ends, valid=1, softmax=1, step=1, ways=1, y_address=20 + i)
    for _ in range(SCORE_TO_BELOW + 3 + BELOW_TO_DIVIDE + ROW_MULTIPLIER_BITS):
        talk.clock()
    talk.clock(valid=1, softmax=0, step=0, row_m=1, slot=0)
    for _ in range(STAGES):
        talk.clock()
    out = talk.check(bench_of(tmp_path, talk, 0))
    assert [e for *_, valid, e, _ in out[1:] if valid] == [FULL - 10] * 3
    assert [y for _, _, _, valid, y, *_ in out[1:] if valid] == [0, 0, 0, (3 * 1000 + 16) >> 5]
