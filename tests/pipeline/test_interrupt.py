"""Runs that are interrupted, at moments given by what they have done so far.

``interrupt.py`` does the same at many moments and for more commands.
"""

import random
import signal
from pathlib import Path

import pytest
from interrupt import (
    after_changes,
    arguments,
    check_next,
    complete,
    digests,
    finished,
    interrupt,
    leftovers,
    write_inputs,
)

KILL, TERM, INT, HUP = signal.SIGKILL, signal.SIGTERM, signal.SIGINT, signal.SIGHUP


@pytest.fixture
def temporary(tmp_path: Path) -> Path:
    folder = tmp_path / "tmp"
    folder.mkdir()
    return folder


@pytest.mark.long
def test_a_build_interrupted_again_and_again(tmp_path: Path, temporary: Path) -> None:
    config, out, whole = write_inputs(tmp_path), tmp_path / "out", tmp_path / "whole"
    environment = {"TMPDIR": str(temporary)}
    command = arguments("build", config, out)
    draw = random.Random(0)
    for sent in (KILL, TERM, HUP, INT, KILL):
        before, killed = finished(out), set(leftovers(out, temporary))
        assert interrupt(command, sent, after_changes(out, draw.randint(1, 12)), environment)
        after = finished(out)
        assert all(after[name] == text for name, text in before.items())
        if sent is not KILL:
            assert killed.issuperset(leftovers(out, temporary))
    check_next("build", config, out, temporary)
    complete(arguments("build", config, whole), environment)
    assert digests(out) == digests(whole)


def test_a_search_that_is_terminated_ends_its_workers(tmp_path: Path, temporary: Path) -> None:
    config, out = write_inputs(tmp_path), tmp_path / "out"
    command, journal = arguments("search", config, out), out / "search.journal"

    def begun(_: int) -> bool:
        return journal.exists() and b"seconds" in journal.read_bytes()

    assert interrupt(command, TERM, begun, {"TMPDIR": str(temporary)})
    assert (out / "front.json").exists() and not leftovers(out, temporary)
