"""The list of jobs: each word in its turn, three clocks after it is asked for."""

import random

import pytest
from bench import Bench, binary

from narrowcast.compile.emit import scalar
from narrowcast.compile.timing import FETCH

WIDTH = 13


@pytest.mark.parametrize("block", [0, 1])
@pytest.mark.parametrize("jobs", [1, 2, 11, 16, 70])
def test_words_come_in_turn(
    tmp_path_factory: pytest.TempPathFactory, jobs: int, block: int
) -> None:
    noise = random.Random(jobs)
    bits = max(1, (jobs - 1).bit_length())
    config = [scalar("JOBS", jobs), scalar("JOB_INDEX_BITS", bits)]
    bench = Bench(tmp_path_factory.mktemp("job_list"), "job_list", "rom", config=config)
    words = [noise.getrandbits(WIDTH) for _ in range(jobs)]

    clocks, expected = [(1, 0)], []  # expected: word, arrived, fetched of the clock after each
    index, since = 0, 0  # clocks since the reset or the advance
    for k in range(6 * jobs + 100):
        since += 1
        arrived, fetched = int(since == FETCH - 1), int(since >= FETCH)
        expected.append((words[index] if arrived or fetched else None, arrived, fetched))
        reset = int(noise.random() < 0.01 and k > 4 * jobs)
        advance = int(since >= FETCH and noise.random() < 0.7)
        clocks.append((reset, advance))
        if reset:
            index, since = 0, 0
        elif advance:
            index, since = (index + 1) % jobs, 0
    out = bench.run(clocks, {"contents.txt": binary(words, WIDTH)}, BLOCK_MEMORY=block, WIDTH=WIDTH)
    for k, ((word, *flags), (due, *due_flags)) in enumerate(zip(out[1:], expected, strict=True)):
        assert flags == due_flags, k
        assert due is None or word == due, k
