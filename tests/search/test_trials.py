import json
import sys
from pathlib import Path
from typing import Any

import optuna
import pytest
from optuna.storages import JournalStorage
from optuna.storages.journal import JournalFileBackend

from narrowcast import load_config
from narrowcast.errors import UserError
from narrowcast.search.objectives import QUANTITIES, Objectives
from narrowcast.search.space import Space
from narrowcast.search.trials import JOURNAL, PROBES, TRAINED, checksum, open_trials
from narrowcast.targets.device import load_device
from signals import interruptions

GOALS = Objectives.parse("error,energy", "")
NOTES: dict[str, Any] = {
    **{"label": "x", "costs": dict.fromkeys(QUANTITIES, 5.0), "violations": {}},
    **{"error": 1.0, "distance": 0.1, "seconds": 3.0},
}
PROBLEM: dict[str, Any] = {"model": {"channels": 4}}
AGAIN = "put back a copy, or delete it to begin again"


def add(out: Path, config_file: Path, count: int, *, resume: bool) -> None:
    space = Space.of(load_config(config_file), load_device("xc7s15"), {})
    with open_trials(out, GOALS, PROBLEM, 0, resume=resume) as trials:
        for parameters in space.samples(len(trials.trained), count):
            distributions = space.distributions(parameters)
            trials.keep(TRAINED, parameters, distributions, (1.0, 2.0), NOTES)


def sealed(content: bytes) -> bytes:
    """Return the lines of a journal with the right checksums."""
    lines, last = [], 0
    for line in content.splitlines():
        log = json.loads(line)
        del log["checksum"]
        last = checksum(log, last)
        lines.append(json.dumps({**log, "checksum": last}, separators=(",", ":")).encode() + b"\n")
    return b"".join(lines)


@pytest.fixture
def out(tmp_path: Path, config_file: Path) -> Path:
    add(tmp_path / "out", config_file, 3, resume=False)
    return tmp_path / "out"


def test_trials_are_there_again(out: Path, config_file: Path) -> None:
    add(out, config_file, 2, resume=True)
    with open_trials(out, GOALS, PROBLEM, 2**63 - 1, resume=True) as trials:
        assert len(trials.trained) == 5 and not trials.finished[PROBES]
        assert trials.trained[0].user_attrs == NOTES


def test_a_search_of_another_version_is_refused_as_it_is(out: Path) -> None:
    path, journal = out / "search.json", (out / JOURNAL).read_bytes()
    for journal_version in (3, None):
        path.write_text(json.dumps({**PROBLEM, "journal": journal_version}))
        with (
            pytest.raises(UserError, match=r"search\.json: is a search of another version of narr"),
            open_trials(out, GOALS, PROBLEM, 0, resume=True),
        ):
            pass
        assert (out / JOURNAL).read_bytes() == journal


def test_a_line_cut_off_is_forgotten(out: Path, config_file: Path) -> None:
    path = out / JOURNAL
    path.write_bytes(path.read_bytes()[:-20])
    (out / f"{JOURNAL}.lock").symlink_to(path)  # of the process that was killed
    add(out, config_file, 1, resume=True)
    with open_trials(out, GOALS, PROBLEM, 0, resume=True) as trials:
        assert len(trials.trained) == 3


def test_an_interruption_while_a_line_is_written_stays_an_interruption(
    out: Path, config_file: Path
) -> None:
    module = sys.modules[JournalFileBackend.__module__]
    space = Space.of(load_config(config_file), load_device("xc7s15"), {})
    (parameters,) = space.samples(0, 1)
    with open_trials(out, GOALS, PROBLEM, 0, resume=True) as trials:

        def keep() -> None:
            (out / f"{JOURNAL}.lock").unlink(missing_ok=True)  # as the next run does
            trials.keep(TRAINED, parameters, space.distributions(parameters), (1.0, 2.0), NOTES)

        count = sum(1 for _ in interruptions(keep, module))
    assert count > 10
    assert all(path.name in {JOURNAL, "search.json"} for path in out.iterdir())


@pytest.mark.parametrize("changed", [b"", b"nonsense\n", b'{"op_code": 99}\n'])
def test_a_journal_that_changes_during_the_search_is_named(
    out: Path, config_file: Path, changed: bytes
) -> None:
    space = Space.of(load_config(config_file), load_device("xc7s15"), {})
    (parameters,) = space.samples(0, 1)
    with (
        pytest.raises(UserError, match="damaged, it was changed while the search ran: "),
        open_trials(out, GOALS, PROBLEM, 0, resume=True) as trials,
    ):
        (out / JOURNAL).write_bytes(changed)
        trials.keep(TRAINED, parameters, space.distributions(parameters), (1.0, 2.0), NOTES)


@pytest.mark.parametrize("damage", [b"{nonsense\n", b'{"op_code": 99}\n', b"[1, 2]\n"])
def test_a_damaged_journal_is_refused_as_it_is(out: Path, damage: bytes) -> None:
    path = out / JOURNAL
    lines = path.read_bytes().splitlines(keepends=True)
    path.write_bytes(b"".join([*lines[:2], damage, *lines[2:]]))
    before = path.read_bytes()
    with (
        pytest.raises(UserError, match=rf"damaged.*{AGAIN}"),
        open_trials(out, GOALS, PROBLEM, 0, resume=True),
    ):
        pass
    assert path.read_bytes() == before


@pytest.mark.parametrize("change", ["lost", "repeated", "swapped", "edited"])
@pytest.mark.parametrize("place", [0, 3, 7, -2])
def test_a_journal_whose_lines_have_changed_is_refused(out: Path, change: str, place: int) -> None:
    path = out / JOURNAL
    lines = path.read_bytes().splitlines(keepends=True)
    match change:
        case "lost":
            del lines[place]
        case "repeated":
            lines.insert(place, lines[place])
        case "swapped":
            lines[place], lines[place + 1] = lines[place + 1], lines[place]
        case "edited":
            lines[place] = lines[place].replace(b'"op_code":', b'"op_code":1')
    path.write_bytes(b"".join(lines))
    said = rf"line \d+ is damaged: it has changed, or a line before it is missing: {AGAIN}"
    with (
        pytest.raises(UserError, match=said),
        open_trials(out, GOALS, PROBLEM, 0, resume=True),
    ):
        pass
    assert path.read_bytes() == b"".join(lines)


def test_what_other_programs_write_to_the_journal_is_kept(out: Path, config_file: Path) -> None:
    optuna.load_study(
        study_name=TRAINED, storage=JournalStorage(JournalFileBackend(str(out / JOURNAL)))
    ).set_user_attr("note", "of a dashboard")
    add(out, config_file, 1, resume=True)
    with open_trials(out, GOALS, PROBLEM, 0, resume=True) as trials:
        assert len(trials.trained) == 4


@pytest.mark.parametrize(
    ("right", "wrong"),
    [
        (b'"error"', b'"errox"'),
        (b'"seconds": 3.0', b'"seconds": null'),
        (b'"violations": {}', b'"violations": 3'),
        (b'"lut": 5.0,', b""),
        (b"[1.0,2.0]", b"[1.0]"),
        (b"[1.0,2.0]", b'[1.0,"2"]'),
        (b"n3-d4", b"n3-d5"),
    ],
)
def test_a_trial_that_is_not_whole_is_refused(
    out: Path, config_file: Path, right: bytes, wrong: bytes
) -> None:
    path, space = out / JOURNAL, Space.of(load_config(config_file), load_device("xc7s15"), {})
    before = path.read_bytes()
    content = sealed(before.replace(right.replace(b": ", b":"), wrong.replace(b": ", b":")))
    assert content != before == sealed(before)
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
    for content in ("[", "[]", "3", "null", '"model"', "[" * 100_000, "9" * 5000):
        (out / "search.json").write_text(content)
        with (
            pytest.raises(UserError, match="missing or damaged"),
            open_trials(out, GOALS, PROBLEM, 0, resume=True),
        ):
            pass
    (out / "search.json").write_text('{"model": 3, "journal": 4}')
    with (
        pytest.raises(UserError, match=r"model was 3 and is now \{'channels': 4\}"),
        open_trials(out, GOALS, PROBLEM, 0, resume=True),
    ):
        pass


def test_only_one_search_is_at_work_in_a_folder(out: Path) -> None:
    with (
        open_trials(out, GOALS, PROBLEM, 0, resume=True),
        pytest.raises(UserError, match="another run of narrowcast is at work"),
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
    assert json.loads((out / "search.json").read_text()) == PROBLEM | {"journal": 4}
