"""The sequencer: every operand pair of every job in its clock."""

import random
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path

import pytest
from bench import Bench
from program import ADDRESS_BITS, STEP, declarations, job_format

from narrowcast.compile.encode import EncodedJob
from narrowcast.compile.timing import FETCH, INPUT_TO_READ
from narrowcast.errors import ToolError

BANKS = 2

Pair = tuple[int, ...]  # the outputs of a clock with an operand pair, but for "issue"


def draw(seed: int) -> tuple[list[Mapping[str, int]], list[EncodedJob]]:
    """Steps with few and with many tiles, products and groups; jobs with and without waits."""
    noise = random.Random(seed)
    steps: list[Mapping[str, int]] = [
        STEP
        | {
            "tiles_last": tiles - 1,
            "inner_last": inner - 1,
            "group_last": noise.randrange(inner),
            "tile_pause": noise.choice((0, 0, 1, 3)),
            "x_source": noise.randrange(4),
            "lane_source": noise.randrange(BANKS + 2),
            "lane_base": noise.randrange(200),
            "lane_stride": noise.randrange(40),
        }
        for tiles, inner in ((1, 1), (1, 7), (3, 1), (4, 5), (2, 2), (1, 20))
    ]
    jobs = [
        EncodedJob(
            step=noise.randrange(len(steps)),
            ways=noise.randint(1, 3),
            wait=noise.choice((0, 0, 0, 1, 2, 9)),
            needs=noise.choice((0, 0, 0, 1, 2, 3)) if k else 1,
            x_row=noise.randrange(400),
            y_row=0,
            residual_row=0,
            position_row=0,
            slot=0,
        )
        for k in range(11)
    ]
    return steps, jobs


def pairs(step: Mapping[str, int], job: EncodedJob) -> Iterator[Pair | None]:
    """The clocks of a job from its first operand pair on; None: a pause between tiles."""
    inner, group = step["inner_last"] + 1, step["group_last"] + 1
    for tile in range(step["tiles_last"] + 1):
        if tile:
            yield from [None] * step["tile_pause"]
        lane = step["lane_base"] + tile * step["lane_stride"]
        for i in range(inner):
            last = int(i == inner - 1)
            group_first, group_last = int(i % group == 0), int(i % group == group - 1 or last)
            flags = int(i == 0), last, group_first, group_last
            sources = job.ways, step["x_source"], step["lane_source"]
            yield (*flags, job.step, *sources, job.x_row + i, (lane + i) % (1 << ADDRESS_BITS))


class Run:
    """What the sequencer issues in each clock, by the rules of the schedule."""

    def __init__(self, steps: Sequence[Mapping[str, int]], jobs: Sequence[EncodedJob]) -> None:
        self.steps, self.jobs = steps, jobs
        self.noise = random.Random(len(jobs))
        self.resets: set[int] = set()
        self.rows: set[int] = set()  # clocks in which a row is loaded
        self.issued: dict[int, Pair] = {}
        self.now = 0

    def reset(self) -> None:
        """Forget what would come from here on."""
        self.resets.add(self.now)
        self.rows = {clock for clock in self.rows if clock < self.now}
        self.issued = {clock: pair for clock, pair in self.issued.items() if clock <= self.now}
        self.loaded = self.now + 1  # the first job's word is fetched as if one began here
        self.free = 0

    def inference(self, gap: int) -> None:
        """All jobs; rows of inputs come at most ``gap`` clocks one after the other."""
        clock = max(self.now, self.free, min(self.resets)) + 1
        for job in self.jobs:
            arrived = 0
            for _ in range(job.needs):
                clock += self.noise.randint(0, gap)
                self.rows.add(clock)
                arrived = clock + INPUT_TO_READ
                clock += 1
            self.loaded = max(self.free, self.loaded + FETCH, arrived)
            self.free = self.loaded + job.wait
            for pair in pairs(self.steps[job.step], job):
                if pair is not None:
                    self.issued[self.free] = pair
                self.free += 1
        self.now = self.free

    def check(self, bench: Bench) -> None:
        clocks = range(self.now)
        out = bench.run([(int(k in self.resets), int(k in self.rows)) for k in clocks])
        for k, (issue, *numbers) in enumerate(out[1:], 1):
            assert issue == int(k in self.issued), k
            if issue:
                assert tuple(numbers) == self.issued[k], k
            else:
                assert not any(numbers[:4]), k  # nothing begins and nothing ends


def bench(
    folder: Path, steps: list[Mapping[str, int]], jobs: list[EncodedJob], block: int
) -> Bench:
    form = job_format(jobs, slot=4, residual_rows=False, position_rows=False)
    config = declarations(form, steps, jobs, 4, block)
    return Bench(folder, "sequencer", "rom", "job_list", config=config)


@pytest.mark.parametrize("seed", range(4))
def test_operand_pairs_come_in_their_clocks(tmp_path: Path, seed: int) -> None:
    steps, jobs = draw(seed)
    run = Run(steps, jobs)
    run.reset()
    for gap in (0, 30, 5):
        run.inference(gap)
    run.check(bench(tmp_path, steps, jobs, seed % 2))


def test_a_reset_begins_anew(tmp_path: Path) -> None:
    steps, jobs = draw(4)
    run = Run(steps, jobs)
    run.reset()
    for clocks in range(1, 200, 7):
        begin = run.now
        run.inference(4)
        run.now = begin + clocks
        run.reset()
    run.inference(4)
    run.check(bench(tmp_path, steps, jobs, 0))


def test_a_step_outside_of_the_program(tmp_path: Path) -> None:
    steps, jobs = draw(5)
    run = Run(steps, jobs)
    run.reset()
    run.inference(0)
    with pytest.raises(ToolError, match="sequencer: a job of a step outside of the program"):
        run.check(bench(tmp_path, steps[: max(job.step for job in jobs)], jobs, 0))
