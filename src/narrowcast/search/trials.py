"""The trials of a search, stored in a file that optuna-dashboard can open.

``search.journal`` is an Optuna journal with three studies: ``probes``, short trainings to fit the
proxy; ``candidates``, whose errors the proxy predicts; and ``trained``, whose errors were measured
after full training. A trial is written as one line when it is finished. If a search is killed, the
next run removes an incomplete last line. Every line has a checksum over it and all lines before it,
so that a line that was lost or changed is noticed.
"""

import json
import math
import warnings
import zlib
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Any, Self

import optuna
from optuna.distributions import BaseDistribution
from optuna.storages import JournalStorage
from optuna.storages.journal import JournalFileBackend, JournalFileSymlinkLock
from optuna.study import StudyDirection
from optuna.trial import FrozenTrial, TrialState
from pydantic import BaseModel, TypeAdapter, model_validator

from narrowcast.errors import UserError, boundary, shown, shown_key
from narrowcast.files import locked, write_whole
from narrowcast.pipeline.stages import first_difference, plain
from narrowcast.search.objectives import ERROR, QUANTITIES, Objectives

JOURNAL = "search.journal"
PROBLEM = "search.json"
PROBES, CANDIDATES, TRAINED = "probes", "candidates", "trained"
VIOLATIONS = "violations"
POPULATION = 40
SEEDS = 1 << 32  # of Optuna's samplers; train.seed may be larger
_CHECKSUM = "checksum"
_VERSION = 4  # of the content of trials
_PROBLEMS = TypeAdapter(dict[str, Any])
_VALUES = TypeAdapter(list[float])
_COSTS = QUANTITIES.keys() - {ERROR}
_AGAIN = "put back a copy, or delete it to begin again"

optuna.logging.set_verbosity(optuna.logging.WARNING)


class _Assessed(BaseModel):
    """User attributes of every trial; all costs are required if it is feasible."""

    costs: dict[str, float]
    violations: dict[str, float]

    @model_validator(mode="after")
    def _has_costs(self) -> Self:
        if not self.violations and not self.costs.keys() >= _COSTS:
            raise ValueError("has no costs")
        return self


class _Candidate(_Assessed):
    """User attributes of a candidate's trial; ``predicted`` is required if it is feasible."""

    predicted: float = math.nan

    @model_validator(mode="after")
    def _is_predicted(self) -> Self:
        if not self.violations and math.isnan(self.predicted):
            raise ValueError("has no prediction")
        return self


class _Trained(_Assessed):
    """User attributes of a training's trial."""

    label: str
    error: float
    distance: float
    seconds: float


class _Lock(JournalFileSymlinkLock):
    """A lock between programs that write one journal, such as optuna-dashboard.

    Optuna's own release renames the lock file before it removes it. A signal after both makes it
    remove the file once more, whose absence would then be reported in place of the signal.
    """

    def __init__(self, journal: Path) -> None:
        super().__init__(str(journal))
        self._path = _lock_file(journal)

    def release(self) -> None:
        """Release the lock."""
        self._path.unlink(missing_ok=True)


class _Journal(JournalFileBackend):
    """A journal whose lines have checksums. Lines of other programs, without one, may follow."""

    def __init__(self, path: Path) -> None:
        """Open a journal and check its lines.

        Raises:
            UserError: A line is damaged, or a line before it is missing.
        """
        super().__init__(str(path), _Lock(path))
        self._checksum = 0
        for number, line in enumerate(path.read_bytes().splitlines(), 1):
            with boundary(f"{path}: line {number} is damaged", _AGAIN):
                log = json.loads(line)
                known = log.pop(_CHECKSUM, None)
                if known is not None:
                    self._checksum = checksum(log, self._checksum)
                    if known != self._checksum:
                        raise ValueError("it has changed, or a line before it is missing")

    def append_logs(self, logs: list[dict[str, Any]]) -> None:
        """Append lines, with their checksums."""
        sealed, last = [], self._checksum
        for log in logs:
            last = checksum(log, last)
            sealed.append({**log, _CHECKSUM: last})
        super().append_logs(sealed)
        self._checksum = last


def _lock_file(journal: Path) -> Path:
    """Return the file by which Optuna locks a journal."""
    return journal.with_name(f"{journal.name}.lock")


def checksum(log: Mapping[str, Any], before: int) -> int:
    """Return the checksum of a journal's line, given that of the line before it."""
    return zlib.crc32(json.dumps(log).encode(), before)


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
        journal = _Journal(path)
        try:
            storage = JournalStorage(journal)
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
        except Exception:  # of many types, as Optuna does not check what it reads
            raise self._damaged("Optuna cannot read it") from None
        # With the same seed, a resumed sampler would propose the same candidates again.
        sampler = new_sampler(seed + len(known))
        self.candidates = optuna.create_study(directions=directions, sampler=sampler)
        self.candidates.add_trials(known)

    def check(self, point: Callable[[Mapping[str, Any]], object]) -> None:
        """Check that all trials have the attributes that a search reads.

        Args:
            point: Converts a trial's parameters to a point, or raises an error.

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
                values = _VALUES.validate_python(trial.values, strict=True)
                if len(values) != len(self.candidates.directions):
                    raise ValueError
            except Exception:  # of many types, as any part may be of any other type
                raise self._damaged(f"trial {trial.number} is not whole") from None

    def _damaged(self, why: str) -> UserError:
        return UserError(f"{self._path}: is damaged, {why}: {_AGAIN}")

    def keep_candidate(
        self, trial: optuna.Trial, values: Sequence[float], notes: Mapping[str, Any]
    ) -> None:
        """Finish a trial of ``candidates`` and store it; ``notes`` must include its violations.

        Raises:
            UserError: Somebody else has changed the journal.
        """
        for name, note in notes.items():
            trial.set_user_attr(name, note)
        trial.set_constraint(VIOLATIONS, sum(notes[VIOLATIONS].values()))
        self._store(CANDIDATES, self.candidates.tell(trial, list(values)))

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
        self._store(study, trial)
        self.finished[study].append(trial)

    def _store(self, study: str, trial: FrozenTrial) -> None:
        """Append a trial to the journal.

        Raises:
            UserError: Somebody else has changed the journal, or its folder.
        """
        try:
            self._kept[study].add_trial(trial)
        except OSError:
            raise
        except Exception:  # of many types, as Optuna reads on where it stopped
            raise self._damaged("it was changed while the search ran") from None


def new_sampler(seed: int) -> optuna.samplers.BaseSampler:
    """Return the sampler of candidates. benchmarks/search.py compares it with others."""
    return optuna.samplers.NSGAIISampler(seed=seed % SEEDS, population_size=POPULATION)


@contextmanager
def open_trials(
    out: Path, objectives: Objectives, problem: Mapping[str, Any], seed: int, *, resume: bool
) -> Iterator[Trials]:
    """Open the trials in a folder, and lock the folder.

    Args:
        out: The folder.
        objectives: Objectives, which are the values of the studies.
        problem: Everything that the trials depend on beside the code, as JSON.
        seed: Seed of the sampler.
        resume: Continue the search in the folder; otherwise start a new one.

    Raises:
        UserError: There is a search already but ``resume`` is false, or there is none but
            ``resume`` is true; or the search is damaged, belongs to another problem, or is in use
            by another process.
    """
    path = out / JOURNAL
    problem = {**problem, "journal": _VERSION}
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
        known = _PROBLEMS.validate_json(path.read_bytes())
    except (OSError, ValueError):
        raise UserError(
            f"{path}: is missing or damaged: put back a copy, or choose another folder with --out"
        ) from None
    if known.get("journal") != problem["journal"]:
        raise UserError(
            f"{path}: is a search of another version of narrowcast, whose trials have other "
            "fields: choose another folder with --out"
        )
    if changed := first_difference(known, plain(problem)):
        key, then, now = changed
        raise UserError(
            f"{path}: is a search of another problem: {shown_key(key)} was {shown(then)} and is "
            f"now {shown(now)}: change it back, or choose another folder with --out"
        )


def _mend(path: Path) -> None:
    """Remove the incomplete last line of a killed search, and its lock file."""
    content = path.read_bytes()
    if not content.endswith(b"\n"):
        write_whole(path, content[: content.rfind(b"\n") + 1])
    _lock_file(path).unlink(missing_ok=True)
