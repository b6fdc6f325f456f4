"""Whole searches, and what is left of them when something is killed."""

import json
import multiprocessing
import os
import re
import select
import signal
import subprocess
import sys
from collections import Counter
from contextlib import suppress
from pathlib import Path

import pytest
from optuna.storages import JournalStorage
from optuna.storages.journal import JournalFileBackend
from optuna.trial import TrialState

from narrowcast import load_config
from narrowcast.errors import UserError
from narrowcast.integer.builder import Shape
from narrowcast.progress import Progress
from narrowcast.search import run
from narrowcast.search.objectives import Objectives
from narrowcast.search.proxy import LEAST_PROBES
from narrowcast.search.run import key_of, search
from narrowcast.search.space import Space

GOALS = Objectives.parse("error,energy", "latency_us=100")


def finished(out: Path) -> dict[str, list[str]]:
    """Names of the finished trials of each study, as anybody else reads them."""
    storage = JournalStorage(JournalFileBackend(str(out / "search.journal")))
    return {
        study.study_name: [
            key_of(trial.params)
            for trial in storage.get_all_trials(study._study_id)
            if trial.state == TrialState.COMPLETE
        ]
        for study in storage.get_all_studies()
    }


def no_trial_twice(trials: dict[str, list[str]]) -> bool:
    return all(count == 1 for names in trials.values() for count in Counter(names).values())


@pytest.fixture
def few_probes(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(run, "MOST_PROBES", 6)


@pytest.mark.usefixtures("few_probes")
def test_a_search_writes_a_front_and_goes_on(config_file: Path, tmp_path: Path) -> None:
    config, out, seconds = load_config(config_file), tmp_path / "out", 2
    found = search(config, out, GOALS, seconds=seconds, workers=2)
    while not finished(out)["candidates"]:  # the machine is too busy for such a budget
        seconds *= 2
        found = search(config, out, GOALS, seconds=seconds, workers=2, resume=True)
    document = json.loads((out / "front.json").read_text())
    labels = {point["label"] for point in document["front"] + document["others"]}
    assert {f"{bits} bits" for bits in range(2, 9)} <= labels  # uniform models, always
    for point in found.best:
        assert point.file is not None
        again = load_config(out / point.file)
        assert again.quantization.widths(Shape(1, 1, 1)) == point.config.quantization.widths(
            Shape(1, 1, 1)
        )
        assert point.costs["latency_us"] <= 100
    assert found.best[0].file in (out / "front.html").read_text()
    before = finished(out)
    assert len(before["probes"]) == 6 and before["candidates"]
    search(config, out, GOALS, seconds=1, workers=1, resume=True)
    after = finished(out)
    assert no_trial_twice(after)
    assert all(set(names) <= set(after[study]) for study, names in before.items())


class Notes(Progress):
    """Keeps what it is told."""

    def __init__(self) -> None:
        self.advances: list[tuple[int, int, str]] = []
        self.remarks: list[str] = []

    def advanced(self, done: int, total: int, note: str = "") -> None:
        self.advances.append((done, total, note))

    def remarked(self, stage: str, text: str) -> None:
        self.remarks.append(f"{stage}: {text}")


@pytest.mark.usefixtures("few_probes")
def test_where_no_uniform_model_is_feasible_another_one_is_trained(
    config_file: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(Space, "uniform", lambda _: [])
    notes, out = Notes(), tmp_path / "out"
    config = load_config(config_file)
    found = search(config, out, GOALS, seconds=0.1, workers=2, progress=notes)
    assert [point.label for point in found.best] == [""]
    assert not finished(out)["candidates"]
    # What the budget does not limit is named and counted.
    said = "\n".join(note for *_, note in notes.advances)
    for part in ("float model", "short training", "first model"):
        assert re.search(rf"beyond the budget, at least \d+ left; .*\d {part}", said)
    assert all(done < total for done, total, note in notes.advances if "left" in note)
    (remark,) = notes.remarks
    assert remark.startswith("search: the budget ended before a candidate was proposed")


def test_an_interruption_as_the_first_worker_starts_ends_it(
    config_file: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    begin = run.Run._run

    def interrupted(self: run.Run, task: run._Task) -> None:
        begin(self, task)
        assert multiprocessing.active_children()
        raise KeyboardInterrupt

    monkeypatch.setattr(run.Run, "_run", interrupted)
    with pytest.raises(KeyboardInterrupt):
        search(load_config(config_file), tmp_path / "out", GOALS, seconds=1, workers=1)
    for each in multiprocessing.active_children():
        while each.exitcode is None:  # a thread of the pool waits for it, too, and may be first
            each.join(0.1)
        assert each.exitcode == -signal.SIGTERM  # it was told to end


def test_impossible_limits_are_named_with_the_nearest(config_file: Path, tmp_path: Path) -> None:
    config = load_config(config_file, ["train.seed=9223372036854775807"])
    with pytest.raises(UserError, match=r"--max latency_us=1 is missed by \d+%, with [\d.]+"):
        search(config, tmp_path / "out", Objectives.parse("error", "latency=1"), seconds=5)
    assert not (tmp_path / "out").exists()


def begin(config_file: Path, out: Path, *more: str) -> "subprocess.Popen[bytes]":
    """Start a search, whose words go to ``errors.txt`` beside ``out``."""
    arguments = ["search", str(config_file), "--out", str(out), "--max", "latency=100", *more]
    with errors_of(out).open("wb") as errors:
        return subprocess.Popen(
            [sys.executable, "-m", "narrowcast", *arguments, "--workers", "2"],
            stderr=errors,
            env={**os.environ, "OMP_NUM_THREADS": "1"},
        )


def errors_of(out: Path) -> Path:
    return out.with_name("errors.txt")


def wait_for_trainings(count: int, process: "subprocess.Popen[bytes]", out: Path) -> None:
    """Wait as long as it takes until so many trainings have finished."""
    while trained(out) < count:
        with suppress(subprocess.TimeoutExpired):
            process.wait(0.05)
            pytest.fail(f"the search ended before: {errors_of(out).read_text()}")


def trained(out: Path) -> int:
    """Count finished trainings without disturbing the search that writes them."""
    path = out / "search.journal"
    return path.read_bytes().count(b'"seconds"') if path.exists() else 0


def workers_of(process: "subprocess.Popen[bytes]") -> list[int]:
    """Return the workers that a search has now."""
    found = []
    for task in Path(f"/proc/{process.pid}/task").glob("*/children"):
        for child in task.read_text().split():
            with suppress(FileNotFoundError):  # it has just ended
                if b"spawn_main" in Path(f"/proc/{child}/cmdline").read_bytes():
                    found.append(int(child))
    return found


def test_a_search_that_is_killed_and_then_a_worker_loses_nothing(
    config_file: Path, tmp_path: Path
) -> None:
    out = tmp_path / "out"
    process = begin(config_file, out, "--budget", "1h")
    wait_for_trainings(4, process, out)
    workers = [os.pidfd_open(worker) for worker in workers_of(process)]
    process.kill()
    process.wait()
    for worker in workers:
        select.select([worker], [], [])  # until it has ended
        os.close(worker)
    known = finished(out)
    assert no_trial_twice(known)
    process = begin(config_file, out, "--budget", "1s", "--resume")
    wait_for_trainings(trained(out) + 2, process, out)  # of 13 more at least
    while not (replaced := workers_of(process)):
        assert process.poll() is None
    os.kill(replaced[0], signal.SIGKILL)
    assert process.wait() == 0, errors_of(out).read_text()
    now = finished(out)
    assert no_trial_twice(now)
    assert all(set(names) <= set(now[study]) for study, names in known.items())
    assert len(now["probes"]) >= LEAST_PROBES and len(now["trained"]) >= 7
