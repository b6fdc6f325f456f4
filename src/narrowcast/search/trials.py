"""The trials of a search, stored in a file that optuna-dashboard can open.

``search.journal`` is an Optuna journal with three studies: ``probes``, short trainings to fit the
proxy; ``candidates``, whose errors the proxy predicts; and ``trained``, whose errors were measured
after full training. A trial is written as one line when it is finished. If a search is killed, the
next run removes an incomplete last line.
"""

import json
import math
import warnings
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Any, Self

import optuna
from optuna.distributions import BaseDistribution
from optuna.storages import JournalStorage
from optuna.storages.journal import JournalFileBackend
from optuna.study import StudyDirection
from optuna.trial import FrozenTrial, TrialState
from pydantic import BaseModel, model_validator

from narrowcast.errors import UserError
from narrowcast.files import locked, write_whole
from narrowcast.pipeline.stages import first_difference, plain
from narrowcast.search.objectives import Objectives

JOURNAL = "search.journal"
PROBLEM = "search.json"
PROBES, CANDIDATES, TRAINED = "probes", "candidates", "trained"
VIOLATIONS = "violations"
POPULATION = 40

optuna.logging.set_verbosity(optuna.logging.WARNING)


class _Candidate(BaseModel):
    """User attributes of a candidate's trial; ``predicted`` is required if it is feasible."""

    costs: dict[str, float]
    violations: dict[str, float]
    predicted: float = math.nan

    @model_validator(mode="after")
    def _is_predicted(self) -> Self:
        if not self.violations and math.isnan(self.predicted):
            raise ValueError("has no prediction")
        return self


class _Trained(BaseModel):
    """User attributes of a training's trial."""

    label: str
    costs: dict[str, float]
    violations: dict[str, float]
    rmse: float
    distance: float
    seconds: float


class Trials:
    """All finished trials; see :func:`open_trials`.

    Attributes:
        candidates: Study in memory, whose sampler proposes the next candidates.
        finished: Finished trials of the studies ``probes`` and ``trained``.
    """

    def __init__(self, path: Path, objectives: Objectives, seed: int) -> None:
        """Read the journal, or start a new one.

        Raises:
            UserError: The journal is damaged.
        """
        self._path = path
        directions = [StudyDirection.MINIMIZE] * len(objectives.minimise)
        try:
            storage = JournalStorage(JournalFileBackend(str(path)))
            self._kept = {
                name: optuna.create_study(
                    storage=storage, study_name=name, directions=directions, load_if_exists=True
                )
                for name in (PROBES, CANDIDATES, TRAINED)
            }
            for study in self._kept.values():
                if study.metric_names is None:
                    with warnings.catch_warnings(action="ignore"):  # experimental feature
                        study.set_metric_names(list(objectives.minimise))
            known = self._kept[CANDIDATES].get_trials()
            self.finished = {
                name: self._kept[name].get_trials(states=(TrialState.COMPLETE,))
                for name in (PROBES, TRAINED)
            }
        except (ValueError, LookupError, TypeError, AttributeError, AssertionError):
            raise self._damaged("Optuna cannot read it") from None
        # With the same seed, a resumed sampler would propose the same candidates again.
        sampler = new_sampler(seed + len(known))
        self.candidates = optuna.create_study(directions=directions, sampler=sampler)
        self.candidates.add_trials(known)

    def check(self, point: Callable[[Mapping[str, Any]], object]) -> None:
        """Check that all trials have the attributes that a search reads.

        Args:
            point: Converts a trial's parameters to a point, or raises LookupError or ValueError.

        Raises:
            UserError: The journal is damaged.
        """
        assessed = self.candidates.get_trials(states=(TrialState.COMPLETE,))
        notes: list[tuple[type[BaseModel], FrozenTrial]] = [
            (_Candidate, trial) for trial in assessed
        ]
        notes += [(_Trained, trial) for trials in self.finished.values() for trial in trials]
        for kind, trial in notes:
            try:
                kind.model_validate(trial.user_attrs, strict=True)
                point(trial.params)
            except (LookupError, ValueError):
                raise self._damaged(f"trial {trial.number} is not whole") from None

    def _damaged(self, why: str) -> UserError:
        return UserError(
            f"{self._path}: is damaged, {why}: put back a copy, or delete it to begin again"
        )

    def keep_candidate(
        self, trial: optuna.Trial, values: Sequence[float], notes: Mapping[str, Any]
    ) -> None:
        """Finish a trial of ``candidates`` and store it; ``notes`` must include its violations."""
        for name, note in notes.items():
            trial.set_user_attr(name, note)
        trial.set_constraint(VIOLATIONS, sum(notes[VIOLATIONS].values()))
        self._kept[CANDIDATES].add_trial(self.candidates.tell(trial, list(values)))

    def drop_candidate(self, trial: optuna.Trial) -> None:
        """Discard a trial that is a duplicate, or whose error cannot be predicted yet."""
        self.candidates.tell(trial, state=TrialState.PRUNED)

    @property
    def trained(self) -> list[FrozenTrial]:
        """Trials that were trained in full."""
        return self.finished[TRAINED]

    def keep(
        self,
        study: str,
        parameters: Mapping[str, Any],
        distributions: Mapping[str, BaseDistribution],
        values: Sequence[float],
        notes: Mapping[str, Any],
    ) -> None:
        """Add a finished training to ``probes`` or ``trained``."""
        trial = optuna.trial.create_trial(
            params=dict(parameters),
            distributions=dict(distributions),
            values=list(values),
            user_attrs=dict(notes),
        )
        self._kept[study].add_trial(trial)
        self.finished[study].append(trial)


def new_sampler(seed: int) -> optuna.samplers.BaseSampler:
    """Return the sampler of candidates. benchmarks/search.py compares it with others."""
    return optuna.samplers.NSGAIISampler(seed=seed, population_size=POPULATION)


@contextmanager
def open_trials(
    out: Path, objectives: Objectives, problem: Mapping[str, Any], seed: int, *, resume: bool
) -> Iterator[Trials]:
    """Open the trials in a folder, and lock the folder.

    Args:
        out: The folder.
        objectives: Objectives, which are the values of the studies.
        problem: Everything that the trials depend on, as JSON.
        seed: Seed of the sampler.
        resume: Continue the search in the folder; otherwise start a new one.

    Raises:
        UserError: There is a search already but ``resume`` is false, or there is none but
            ``resume`` is true; or the search is damaged, belongs to another problem, or is in use
            by another process.
    """
    path = out / JOURNAL
    if resume and not path.exists():
        raise UserError(f"{path}: there is no search to resume: leave out --resume")
    if not resume and path.exists():
        raise UserError(
            f"{path}: there is a search already: go on with it by --resume, or choose another "
            "folder with --out"
        )
    with locked(out):
        if resume:
            _check_problem(out / PROBLEM, problem)
            _mend(path)
        else:
            write_whole(out / PROBLEM, json.dumps(problem, indent=1) + "\n")
        yield Trials(path, objectives, seed)


def _check_problem(path: Path, problem: Mapping[str, Any]) -> None:
    try:
        known = json.loads(path.read_bytes())
        changed = first_difference(known, plain(problem))
    except (OSError, ValueError, AttributeError):
        raise UserError(
            f"{path}: is missing or damaged: put back a copy, or choose another folder with --out"
        ) from None
    if changed:
        key, then, now = changed
        raise UserError(
            f"{path}: is a search of another problem: {key} was {_short(then)} and is now "
            f"{_short(now)}: change it back, or choose another folder with --out"
        )


def _short(value: object) -> str:
    text = json.dumps(value)
    return text if len(text) <= 60 else f"{text[:57]}..."


def _mend(path: Path) -> None:
    """Remove the incomplete last line of a killed search, and its lock file.

    Raises:
        UserError: Any other line is damaged.
    """
    *lines, rest = path.read_bytes().split(b"\n")
    for number, line in enumerate(lines, 1):
        try:
            json.loads(line)
        except ValueError:
            raise UserError(
                f"{path}: line {number} is damaged: put back a copy, or delete the file to begin "
                "again"
            ) from None
    if rest:
        write_whole(path, b"".join(line + b"\n" for line in lines))
    path.with_name(f"{path.name}.lock").unlink(missing_ok=True)
