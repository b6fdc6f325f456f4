"""The collector: every column in its clock, with the addresses of all that belongs to it."""

import random
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

import pytest
from bench import Bench
from program import STEP, declarations, job_format

from narrowcast.compile.encode import RING_BITS, Destination, EncodedJob
from narrowcast.compile.timing import FETCH, SUM_TO_TAKE, TAKE_TO_VALUE
from narrowcast.errors import ToolError

Step = Mapping[str, int]


@dataclass(frozen=True)
class Ring:
    """The states: their rows, the place of the newest, whether all exist.

    Without rows, there are no states, and the other numbers mean nothing. Scores of a split engine
    come in pairs.
    """

    rows: int = 0
    newest: int = 0
    full: int = 1
    split: int = 0

    @property
    def behind(self) -> int:
        """Places behind that of the newest."""
        return self.rows - 1 - self.newest if self.rows else 3

    @property
    def first_bias(self) -> int:
        """Place of the first score's bias: a split engine has them twice, for odd places behind."""
        return self.behind // 2 + self.behind % 2 * self.rows if self.split else self.behind

    def absent(self, place: int) -> int:
        """Whether a place holds no key."""
        return int((place > self.newest and not self.full) or place >= self.rows)


def draw(
    seed: int, columns: int, rows_apart: bool, keys: int = 0
) -> tuple[list[Step], list[EncodedJob]]:
    """Draw steps and jobs for an array of so many columns.

    Args:
        seed: of the numbers.
        columns: lanes of a way.
        rows_apart: whether residuals and biases of rows have addresses of their own.
        keys: columns of a row of scores; 0: any number.
    """
    noise = random.Random(seed)
    steps: list[Step] = []
    for destination in (*Destination, Destination.TO_VALUES, Destination.TO_VALUES):
        stride = noise.choice((1, 2)) if columns > 1 else 1
        full = columns // stride
        heads = block = 1
        if destination == Destination.TO_VALUES:
            heads, block = noise.choice(((1, 2 * columns), (3, 2), (2, columns + 1), (4, 1)))
        wanted = heads * block if heads * block > 1 else noise.randint(1, 3 * full)
        if destination == Destination.TO_SOFTMAX and keys:
            wanted = keys
        tiles = -(-wanted // full)
        numbers = {name: noise.randrange(90) for name in ("bias_base", "m_base", "r_base")}
        flags = ("has_bias", "bias_per_row", "has_residual", "row_multiplier")
        steps.append(
            STEP
            | numbers
            | {name: noise.randint(0, 1) for name in flags}
            | {
                "tiles_last": tiles - 1,
                "column_first": stride - 1,
                "column_step": stride,
                "columns_full": full - 1,
                "columns_last": wanted - (tiles - 1) * full - 1,
                "destination": destination,
                "y_stride": noise.randint(1, 9),
                "block_last": block - 1,
                "residual_element": noise.randint(0, 1),
            }
        )
    order = [*range(len(steps)), *(noise.randrange(len(steps)) for _ in range(9))]
    jobs = []
    for index in noise.sample(order, len(order)):
        destination = steps[index]["destination"]
        slots = {Destination.TO_KEYS: columns, Destination.TO_VALUES: 1, Destination.TO_POOL: 2}
        y_row = noise.randrange(300)
        jobs.append(
            EncodedJob(
                step=index,
                ways=noise.randint(1, 3),
                wait=0,
                needs=0,
                x_row=0,
                y_row=y_row,
                residual_row=noise.randrange(300) if rows_apart else y_row,
                position_row=noise.randrange(300) if rows_apart else y_row,
                slot=noise.randrange(slots.get(Destination(destination), 1 << RING_BITS)),
            )
        )
    return steps, jobs


def tiles_of(step: Step) -> list[int]:
    """The columns of each tile."""
    return [step["columns_full"] + 1] * step["tiles_last"] + [step["columns_last"] + 1]


def handed_on(
    step: Step, job: EncodedJob, c: int, lanes: int, ring: Ring
) -> tuple[int | None, ...]:
    """What comes with column ``c`` of a job, in the order of the bench; None: of no meaning."""
    destination = step["destination"]
    softmax = int(destination == Destination.TO_SOFTMAX)
    own_bias = step["bias_per_row"]
    kept = int(ring.rows > 0 and softmax)
    lane: int | None = job.slot if destination == Destination.TO_KEYS else None
    y = job.y_row + c
    if destination == Destination.TO_POOL:
        y, lane = c, job.slot
    elif destination == Destination.TO_VALUES:
        head, channel = divmod(c, step["block_last"] + 1)
        of_head = -(-(step["block_last"] + 1) // lanes)
        lane = channel % lanes
        y = job.y_row + step["y_stride"] * (head * of_head + channel // lanes)
    return (
        *(1, softmax),
        *(step["has_residual"], int(step["has_residual"] and not step["residual_element"])),
        *(int((step["has_bias"] or kept) and not own_bias), own_bias),
        *(int(not step["row_multiplier"] and not softmax), step["row_multiplier"]),
        *(job.step, job.ways, int(c == 0), int(c == sum(tiles_of(step)) - 1), job.slot),
        *(step["bias_base"] + kept * ring.first_bias + c, step["m_base"] + c, step["r_base"] + c),
        *(job.residual_row + c, job.position_row + c, y, lane),
        ring.absent(c << ring.split) if kept else None,
        ring.absent(2 * c + 1) if kept and ring.split else None,
    )


class Run:
    """When each column is taken, by the rules of the schedule."""

    def __init__(
        self, steps: Sequence[Step], jobs: Sequence[EncodedJob], lanes: int, ring: Ring
    ) -> None:
        self.steps, self.jobs, self.lanes, self.ring = steps, jobs, lanes, ring
        self.noise = random.Random(lanes)
        self.resets: set[int] = set()
        self.dones: set[int] = set()
        self.holds: set[int] = set()
        self.moves: set[int] = set()
        self.columns: dict[int, int] = {}  # by the clock in which it is taken
        self.given: dict[int, tuple[int | None, ...]] = {}
        self.now = 0

    def reset(self) -> None:
        """Forget what would come from here on."""
        self.resets.add(self.now)
        for clocks in (self.dones, self.moves, self.holds):
            clocks -= {clock for clock in clocks if clock > self.now}
        self.columns = {k: v for k, v in self.columns.items() if k <= self.now}
        self.given = {k: v for k, v in self.given.items() if k <= self.now}
        # the second job's word is there two fetches later
        self.of_job = self.before = self.last = self.now + FETCH
        self.done = self.now + 2 * FETCH

    def inference(self, gap: int, holds: float) -> None:
        """All jobs; a tile is done at most ``gap`` clocks after it can be."""
        for job in self.jobs:
            step, c = self.steps[job.step], 0
            for tile, columns in enumerate(tiles_of(step)):
                self.done = max(self.done + 1, self.before) + self.noise.randint(0, gap)
                self.dones.add(self.done)
                self.moves.add(max(self.done + 1, self.last))
                self.before, clock = self.last, max(self.done + SUM_TO_TAKE, self.last + 1)
                for k in range(columns):
                    last_of_job = tile == step["tiles_last"] and k == columns - 1
                    if last_of_job:
                        clock = max(clock, self.of_job + FETCH)
                    free = self.ring.rows and step["destination"] == Destination.TO_SOFTMAX
                    while self.noise.random() < holds:
                        self.holds.add(clock)
                        if free:
                            break
                        clock += 1
                    self.columns[clock] = step["column_first"] + k * step["column_step"]
                    self.given[clock + TAKE_TO_VALUE] = handed_on(
                        step, job, c, self.lanes, self.ring
                    )
                    self.last, c, clock = clock, c + 1, clock + 1
            self.of_job = self.last
        self.now = self.last + 2

    def check(self, bench: Bench) -> None:
        clocks = range(self.now)
        ring = self.ring.newest, self.ring.behind, self.ring.full
        given = (self.resets, self.dones, self.holds)
        out = bench.run([[*(int(k in each) for each in given), *ring] for k in clocks])
        for k, (taking, column, move, *rest) in enumerate(out[2:], 2):
            assert (taking, move) == (int(k in self.columns), int(k in self.moves)), k
            assert not taking or column == self.columns[k], k
            if k in self.given:
                due = self.given[k]
                seen = [r if d is not None else None for r, d in zip(rest, due, strict=True)]
                assert seen == list(due), k
            else:
                valid, _, *enables = rest[:8]
                assert not valid and not any(enables), k


def bench(
    folder: Path, steps: list[Step], jobs: list[EncodedJob], run: Run, rows_apart: bool
) -> Bench:
    lanes = run.lanes
    bits = max(1, (lanes - 1).bit_length(), RING_BITS)
    form = job_format(jobs, slot=bits, residual_rows=rows_apart, position_rows=rows_apart)
    config = declarations(form, steps, jobs, lanes, int(rows_apart), run.ring.rows, run.ring.split)
    return Bench(folder, "collector", "rom", "job_list", config=config)


@pytest.mark.parametrize(
    ("lanes", "rows_apart", "ring"),
    [
        *((1, False, Ring()), (2, True, Ring()), (3, False, Ring()), (8, True, Ring())),
        *((5, True, Ring()), (5, True, Ring(9, 2, 0)), (4, False, Ring(12, 0, 0))),
        *((8, True, Ring(21, 17, 1)), (3, False, Ring(9, 8, 0))),
        *((4, False, Ring(9, 4, 0, 1)), (2, True, Ring(9, 7, 0, 1)), (5, False, Ring(12, 0, 0, 1))),
        *((4, False, Ring(9, 3, 1, 1)), (8, True, Ring(12, 11, 1, 1))),
    ],
)
def test_columns_come_in_their_clocks(
    tmp_path: Path, lanes: int, rows_apart: bool, ring: Ring
) -> None:
    steps, jobs = draw(lanes, lanes, rows_apart, -(-ring.rows >> ring.split))
    run = Run(steps, jobs, lanes, ring)
    run.reset()
    for gap, holds in ((0, 0.0), (0, 0.4), (25, 0.1), (3, 0.0)):
        run.inference(gap, holds)
    run.check(bench(tmp_path, steps, jobs, run, rows_apart))


def test_a_reset_begins_anew(tmp_path: Path) -> None:
    steps, jobs = draw(9, 4, True)
    run = Run(steps, jobs, 4, Ring())
    run.reset()
    for clocks in range(2, 150, 5):
        begin = run.now
        run.inference(2, 0.1)
        run.now = begin + clocks
        run.reset()
    run.inference(2, 0.1)
    run.check(bench(tmp_path, steps, jobs, run, True))


def test_a_step_outside_of_the_program(tmp_path: Path) -> None:
    steps, jobs = draw(6, 4, False)
    run = Run(steps, jobs, 4, Ring())
    run.reset()
    run.inference(0, 0.0)
    with pytest.raises(ToolError, match="collector: a job of a step outside of the program"):
        run.check(bench(tmp_path, steps[: max(job.step for job in jobs)], jobs, run, False))
