"""A hundred mutants of model files; ``mutate_models.py`` makes as many as one wants."""

from mutate_models import run


def test_every_mutant_is_refused_in_one_line_or_works() -> None:
    found, escaped = run(count=100, seed=2)
    assert not escaped
    assert found["refused"] > 50 and found["accepted"] > 5
