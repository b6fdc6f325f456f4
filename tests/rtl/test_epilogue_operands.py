"""The epilogues' operands: each column's own, of its step and its ways, two clocks later."""

import random
from pathlib import Path

import pytest
from bench import Bench, Numbers, shown
from program import STEP

from narrowcast.compile.emit import aggregate, array_of, scalar, vector

BIAS_BITS, POSITION_BITS, M_BITS, RESIDUAL_BITS, TOKEN_BITS, INPUT_BITS = 12, 7, 18, 9, 6, 5
DEPTH = 11  # words of each memory
STEPS = [  # M of the step; biases per row; the residual: a row, or an element
    STEP | {"m_base": 3},
    STEP | {"m_base": 7, "bias_per_row": 1},
    STEP | {"m_base": 10, "residual_element": 1},
    STEP | {"residual_element": 2, "bias_per_row": 1},
]


class Operands:
    """Memories with any contents, and the columns that ask for them.

    Args:
        ways: of the engine.
        parts: whether there are biases, positions, multipliers of residuals, and elements.
        split: whether each way has biases, M and R of its own columns.
    """

    def __init__(self, ways: int, parts: tuple[bool, bool, bool, bool], *, split: bool) -> None:
        self.split, self.copies = split, 2 if split else 1
        self.noise, self.ways = random.Random(f"{ways} {parts}"), ways
        with_biases, with_positions, with_r, with_elements = parts
        copies = range(self.copies)
        self.biases = [self.words(BIAS_BITS) if with_biases else [] for _ in copies]
        self.positions = [self.words(POSITION_BITS) if with_positions else [] for _ in range(ways)]
        self.m = [self.words(M_BITS) for _ in copies]
        self.r = [self.words(M_BITS) if with_r else [] for _ in copies]
        self.element_count = 2 if with_elements else 0
        # without elements or positions, no step takes any
        self.steps = [
            step
            for step in STEPS
            if (with_elements or not step["residual_element"])
            and (with_positions or not step["bias_per_row"])
        ]

    def number(self, bits: int) -> int:
        return self.noise.randrange(-(1 << (bits - 1)), 1 << (bits - 1))

    def words(self, bits: int) -> list[int]:
        return [self.number(bits) for _ in range(DEPTH)]

    def config(self, block: int) -> list[str]:
        names = ("BIAS", "POSITION", "MULTIPLIER", "R")
        numbers = {
            "WAYS": self.ways,
            "SPLIT": int(self.split),
            "STEP_BITS": 2,
            "ADDRESS_BITS": 5,
            "BIAS_BITS": BIAS_BITS,
            "POSITION_BITS": POSITION_BITS,
            "M_BITS": M_BITS,
            "RESIDUAL_BITS": RESIDUAL_BITS,
            "TOKEN_BITS": TOKEN_BITS,
            "INPUT_BITS": INPUT_BITS,
            "ELEMENT_COUNT": self.element_count,
            "BIAS_WORDS": len(self.biases[0]),
            "POSITION_WORDS": len(self.positions[0]),
            "R_WORDS": len(self.r[0]),
            **{f"{name}_BLOCK": block for name in names},
        }
        positions = [word for way in self.positions for word in way] or [0] * self.ways
        return [
            *(scalar(*each) for each in numbers.items()),
            array_of("PROGRAM", "step_array", [aggregate(step) for step in self.steps]),
            vector("BIASES_IMAGE", [word for copy in self.biases for word in copy], BIAS_BITS),
            vector("POSITIONS_IMAGE", positions, POSITION_BITS),
            vector("MULTIPLIERS_IMAGE", [word for copy in self.m for word in copy], M_BITS),
            vector("RESIDUALS_IMAGE", [word for copy in self.r for word in copy], M_BITS),
        ]

    def converse(self, bench: Bench, clocks: int) -> None:
        """Ask for columns of any step, and compare what comes."""
        noise, ways = self.noise, self.ways
        stimulus: list[tuple[int, ...]] = []
        # words read by clock, of each copy
        bias, m, r = ([[] for _ in range(self.copies)] for _ in range(3))
        positions: list[list[int | None]] = [[] for _ in range(ways)]
        for _ in range(clocks):
            wants = [noise.getrandbits(1) for _ in range(4)]
            addresses = [noise.randrange(DEPTH) for _ in range(4)]
            step, below_step = (noise.randrange(len(self.steps)) for _ in range(2))
            below, active = noise.getrandbits(1), noise.randrange(1, 1 << ways)
            active = 3 if self.split else active
            residuals = [self.number(TOKEN_BITS) for _ in range(ways)]
            elements = [self.number(INPUT_BITS) for _ in range(max(1, self.element_count))]
            stimulus.append(
                (*wants, step, active, *addresses, below, below_step, *residuals, *elements)
            )
            for i in range(self.copies):
                known = self.biases[i] and wants[0]
                bias[i].append(self.biases[i][addresses[0]] if known else None)
            for way, words in enumerate(self.positions):
                positions[way].append(words[addresses[1]] if words and wants[1] else None)
            at = self.steps[below_step]["m_base"] if below else addresses[2]
            for i in range(self.copies):
                m[i].append(self.m[i][at] if below or wants[2] else None)
                r[i].append(self.r[i][addresses[3]] if self.r[i] and wants[3] else None)
        found = bench.run(m_ahead(stimulus))[3:]
        shown_bias, shown_m, shown_r = ([shown(copy) for copy in each] for each in (bias, m, r))
        shown_positions = [shown(way) for way in positions]
        for k, numbers in enumerate(found):
            step, active = self.steps[stimulus[k][4]], stimulus[k][5]
            now = stimulus[k + 2]
            # the second way's token alone is in the first way's lanes
            of_way = [ways - 1 if active == 2 and way == 0 else way for way in range(ways)]
            due: Numbers = [
                shown_positions[way][k]
                if step["bias_per_row"]
                else shown_bias[way if self.split else 0][k]
                for way in of_way
            ]
            for i in range(self.copies):
                due += [shown_m[i][k], shown_r[i][k]]
            element = step["residual_element"]
            at = 12 + ways + element - 1
            due += [now[at] if element else now[12 + way] for way in of_way]
            assert numbers == due, k


def m_ahead(stimulus: list[tuple[int, ...]]) -> list[tuple[int, ...]]:
    """Give M's address, and what is of a difference, a clock before all else of a column."""
    later = [(0, 0, 0, 0, *stimulus[0][4:]), *stimulus]  # nothing is read in the first
    early = [*stimulus, stimulus[-1]]
    return [
        (*late[:8], soon[8], late[9], *soon[10:12], *late[12:])
        for late, soon in zip(later, early, strict=True)
    ]


@pytest.mark.parametrize(("ways", "split"), [(1, False), (2, False), (2, True)])
@pytest.mark.parametrize(
    "parts",
    [
        (True, True, True, True),
        (True, False, True, False),
        (False, True, False, True),
        (False, False, False, False),
    ],
)
def test_each_column_has_its_operands(
    tmp_path: Path, parts: tuple[bool, bool, bool, bool], ways: int, split: bool
) -> None:
    operands = Operands(ways, parts, split=split)
    bench = Bench(tmp_path, "epilogue_operands", "rom", config=operands.config(ways - 1))
    operands.converse(bench, 500)
