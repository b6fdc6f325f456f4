import json
from pathlib import Path
from typing import Any

import pytest

from narrowcast import load_config
from narrowcast.errors import UserError
from narrowcast.search.objectives import Objectives
from narrowcast.search.space import Space
from narrowcast.search.trials import JOURNAL, PROBES, TRAINED, open_trials
from narrowcast.targets.device import load_device

GOALS = Objectives.parse("rmse,energy", "")
NOTES: dict[str, Any] = {
    **{"label": "x", "costs": {"lut": 5.0}, "violations": {}},
    **{"rmse": 1.0, "distance": 0.1, "seconds": 3.0},
}
PROBLEM: dict[str, Any] = {"model": {"channels": 4}}


def add(out: Path, config_file: Path, count: int, *, resume: bool) -> None:
    space = Space.of(load_config(config_file), load_device("xc7s15"), {})
    with open_trials(out, GOALS, PROBLEM, 0, resume=resume) as trials:
        for parameters in space.samples(len(trials.trained), count):
            distributions = space.distributions(parameters)
            trials.keep(TRAINED, parameters, distributions, (1.0, 2.0), NOTES)


@pytest.fixture
def out(tmp_path: Path, config_file: Path) -> Path:
    add(tmp_path / "out", config_file, 3, resume=False)
    return tmp_path / "out"


def test_trials_are_there_again(out: Path, config_file: Path) -> None:
    add(out, config_file, 2, resume=True)
    with open_trials(out, GOALS, PROBLEM, 0, resume=True) as trials:
        assert len(trials.trained) == 5 and not trials.finished[PROBES]
        assert trials.trained[0].user_attrs == NOTES


def test_a_line_cut_off_is_forgotten(out: Path, config_file: Path) -> None:
    path = out / JOURNAL
    path.write_bytes(path.read_bytes()[:-20])
    (out / f"{JOURNAL}.lock").symlink_to(path)  # of the process that was killed
    add(out, config_file, 1, resume=True)
    with open_trials(out, GOALS, PROBLEM, 0, resume=True) as trials:
        assert len(trials.trained) == 3


@pytest.mark.parametrize("damage", [b"{nonsense\n", b'{"op_code": 99}\n', b"[1, 2]\n"])
def test_a_damaged_journal_is_refused_as_it_is(out: Path, damage: bytes) -> None:
    path = out / JOURNAL
    lines = path.read_bytes().splitlines(keepends=True)
    path.write_bytes(b"".join([*lines[:2], damage, *lines[2:]]))
    before = path.read_bytes()
    with (
        pytest.raises(UserError, match=r"damaged.*put back a copy, or delete"),
        open_trials(out, GOALS, PROBLEM, 0, resume=True),
    ):
        pass
    assert path.read_bytes() == before


@pytest.mark.parametrize(
    ("right", "wrong"),
    [
        (b'"rmse"', b'"rmsx"'),
        (b'"seconds": 3.0', b'"seconds": null'),
        (b'"violations": {}', b'"violations": 3'),
        (b"n3-d4", b"n3-d5"),
    ],
)
def test_a_trial_that_is_not_whole_is_refused(
    out: Path, config_file: Path, right: bytes, wrong: bytes
) -> None:
    path, space = out / JOURNAL, Space.of(load_config(config_file), load_device("xc7s15"), {})
    before = path.read_bytes()
    content = before.replace(right.replace(b": ", b":"), wrong.replace(b": ", b":"))
    assert content != before
    path.write_bytes(content)
    with (
        open_trials(out, GOALS, PROBLEM, 0, resume=True) as trials,
        pytest.raises(UserError, match=r"damaged, trial \d+ is not whole: put back a copy"),
    ):
        trials.check(space.point)
    path.write_bytes(before)
    with open_trials(out, GOALS, PROBLEM, 0, resume=True) as trials:
        trials.check(space.point)


def test_another_problem_is_refused(out: Path) -> None:
    other = {"model": {"channels": 8}}
    with (
        pytest.raises(UserError, match=r"another problem: model.channels was 4 and is now 8"),
        open_trials(out, GOALS, other, 0, resume=True),
    ):
        pass
    (out / "search.json").write_text("[")
    with (
        pytest.raises(UserError, match="missing or damaged"),
        open_trials(out, GOALS, PROBLEM, 0, resume=True),
    ):
        pass


def test_only_one_search_is_at_work_in_a_folder(out: Path) -> None:
    with (
        open_trials(out, GOALS, PROBLEM, 0, resume=True),
        pytest.raises(UserError, match="another search is at work"),
        open_trials(out, GOALS, PROBLEM, 0, resume=True),
    ):
        pass


def test_resume_is_asked_for_and_has_something_to_resume(out: Path, tmp_path: Path) -> None:
    for folder, resume in ((out, False), (tmp_path / "new", True)):
        with (
            pytest.raises(UserError, match="--resume"),
            open_trials(folder, GOALS, PROBLEM, 0, resume=resume),
        ):
            pass
    assert not (tmp_path / "new").exists()
    assert json.loads((out / "search.json").read_text()) == PROBLEM
