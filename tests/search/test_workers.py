"""Interruptions while workers start."""

import os
import signal
from collections.abc import Iterator
from types import FrameType

import pytest

from narrowcast.search.workers import interruptions_wait


@pytest.fixture
def interrupting() -> Iterator[None]:
    """SIGINT and SIGTERM interrupt, as they do in the command line."""

    def interrupt(number: int, _: FrameType | None) -> None:
        raise KeyboardInterrupt(number)

    numbers = (signal.SIGINT, signal.SIGTERM)
    before = [signal.signal(number, interrupt) for number in numbers]
    yield
    for number, handler in zip(numbers, before, strict=True):
        signal.signal(number, handler)


@pytest.mark.usefixtures("interrupting")
@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGINT])
def test_an_interruption_comes_when_all_is_started(number: int) -> None:
    started = False
    with pytest.raises(KeyboardInterrupt), interruptions_wait():
        os.kill(os.getpid(), number)
        os.kill(os.getpid(), number)
        started = True
    assert started
    with pytest.raises(KeyboardInterrupt):
        os.kill(os.getpid(), number)


@pytest.mark.usefixtures("interrupting")
def test_an_interruption_is_not_lost_in_an_error() -> None:
    with pytest.raises(KeyboardInterrupt), interruptions_wait():
        os.kill(os.getpid(), signal.SIGTERM)
        raise ValueError
