"""Interruptions while workers start."""

import os
import signal
from collections.abc import Iterator
from types import FrameType

import pytest

from narrowcast.search.workers import interruptions_wait


@pytest.fixture
def interrupting() -> Iterator[None]:
    """SIGTERM interrupts, as it does in the command line."""

    def interrupt(number: int, _: FrameType | None) -> None:
        raise KeyboardInterrupt(number)

    before = signal.signal(signal.SIGTERM, interrupt)
    yield
    signal.signal(signal.SIGTERM, before)


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
