"""Damaged input of every kind is accepted, or refused in one line; ``fuzz.py`` makes more of it."""

import pytest

from fuzz import BOUNDARIES, run


@pytest.mark.parametrize("boundary", list(BOUNDARIES))
def test_nothing_escapes(boundary: str) -> None:
    found, escaped = run(boundary, count=50, seed=1)
    assert not escaped
    assert found["refused"] > 20
