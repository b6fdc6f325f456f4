"""The search: proposes, assesses and trains points until the budget is used.

1. Every size of the model is trained in floating point. A few short trainings per size provide the
   data to fit the proxy.
2. Uniform models are trained in full.
3. A sampler proposes candidates. The estimator rejects those that do not fit or exceed a limit. The
   proxy predicts the error of the others, without training.
4. Candidates are trained in full until the budget is used, each time the one with the largest
   expected hypervolume improvement.
"""

import json
import math
import statistics
import time
from collections import Counter, deque
from collections.abc import Callable, Iterator, Mapping
from concurrent.futures import FIRST_COMPLETED, CancelledError, Future, wait
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import Any

import numpy as np
import optuna
from optuna.distributions import BaseDistribution
from optuna.trial import FrozenTrial

from narrowcast.config import Config, shape_of
from narrowcast.errors import UserError
from narrowcast.pipeline.stages import file_digest
from narrowcast.progress import Progress
from narrowcast.search.acquisition import Line, most_promising
from narrowcast.search.assess import Assessment, assess, missed
from narrowcast.search.front import Front
from narrowcast.search.front_files import write_front
from narrowcast.search.jobs import Trained, train
from narrowcast.search.objectives import (
    ERROR,
    Objectives,
    check_comparable,
    error_of,
    percent,
    rounded_up,
)
from narrowcast.search.proxy import EPOCHS, LEAST_PROBES, MOST_PROBES, Proxy
from narrowcast.search.shapes import Prepared, prepare
from narrowcast.search.space import SHAPE, Sizes, Space, changed, shape_name
from narrowcast.search.trials import (
    POPULATION,
    PROBES,
    SEEDS,
    TRAINED,
    VIOLATIONS,
    Trials,
    open_trials,
)
from narrowcast.search.workers import Workers, open_workers
from narrowcast.targets.device import load_device

_PROBING = 0.3  # fraction of the budget for short trainings, beyond the least number of them
_SAMPLING = 0.4  # fraction of the budget after which candidates are trained
_MOST_CANDIDATES = 5000
_ATTEMPTS = 150  # proposals to find a feasible point of a size
_POLL_SECONDS = 0.5


@dataclass(frozen=True)
class Candidate:
    """A feasible point with a predicted error.

    Attributes:
        parameters: Parameters of its trial.
        distributions: Distributions of the parameters.
        assessment: Estimated costs.
        predicted: Error predicted by the proxy; NaN if there is no prediction.
        label: Label of a uniform model, else empty.
    """

    parameters: Mapping[str, Any]
    distributions: Mapping[str, BaseDistribution]
    assessment: Assessment
    predicted: float
    label: str

    @property
    def key(self) -> str:
        """Unique name of the point."""
        return key_of(self.parameters)


def key_of(parameters: Mapping[str, Any]) -> str:
    """Return a unique name for the parameters of a trial."""
    return json.dumps(dict(sorted(parameters.items())))


@dataclass(frozen=True)
class _Task:
    """A submitted function, what it trains, its workers, and the callback for its result."""

    what: str
    workers: Workers
    function: Callable[..., Any]
    arguments: tuple[Any, ...]
    done: Callable[[Any], None]
    candidate: Candidate | None = None


class Run:
    """A running search; see the module."""

    def __init__(
        self,
        space: Space,
        objectives: Objectives,
        trials: Trials,
        workers: Workers,
        out: Path,
        seed: int,
        progress: Progress,
    ) -> None:
        self._seed = seed
        self._error = f"validation {error_of(next(iter(space.shapes.values()))).short}"
        self._space, self._objectives, self._trials = space, objectives, trials
        self._workers, self._out, self._progress = workers, out, progress
        self._proxies: dict[str, Proxy] = {}
        self._prepared: dict[str, Prepared] = {}
        self._pending: dict[Future[Any], _Task] = {}
        self._candidates: dict[str, Candidate] = {}
        self._probes: deque[dict[str, Any]] = deque()
        self._uniform: deque[tuple[Mapping[str, Any], str]] = deque()
        self._seen: set[str] = set()
        self._done = {key_of(trial.params) for trial in trials.trained}
        self._exhausted = False

    def go(self, starts: Mapping[str, Mapping[str, Any]], seconds: float) -> None:
        """Search for ``seconds`` seconds. Uniform models are trained even if that takes longer.

        Args:
            starts: Parameters of a feasible point of each size.
            seconds: Budget in seconds. Trainings that run at its end are completed.
        """
        self._starts = starts
        self._begin = time.monotonic()
        self._seconds = seconds
        for name, start in starts.items():
            done = partial(self._prepared_one, name)
            arguments = self._space.point(start), self._out
            self._run(_Task("float model", self._workers.local, prepare, arguments, done))
        while self._pending or self._uniform or not self._over:
            sampling = self._ready and not self._over
            self._collect(0.0 if sampling else _POLL_SECONDS)
            self._feed()
            if self._ready:
                self._train_more()
            else:
                self._learn()
            if sampling and (self._samples or len(self._pending) < self._workers.count):
                self._sample()
            elif sampling:
                self._collect(_POLL_SECONDS)
            self._report()
        if not self._seen:
            self._progress.remarked(
                "search",
                "the budget ended before a candidate was proposed; it does not limit the float "
                "models, the first short trainings and the uniform models: --resume goes on with "
                "candidates",
            )

    @property
    def _elapsed(self) -> float:
        return time.monotonic() - self._begin

    @property
    def _over(self) -> bool:
        return self._exhausted or self._elapsed >= self._seconds

    @property
    def _samples(self) -> bool:
        return self._elapsed < _SAMPLING * self._seconds and len(self._seen) < _MOST_CANDIDATES

    @property
    def _ready(self) -> bool:
        return len(self._proxies) == len(self._starts)

    def _report(self) -> None:
        """Report seconds of the budget; after its end, trainings that it does not limit."""
        trained, left = len(self._trials.trained), len(self._pending) + len(self._uniform)
        best = min((t.user_attrs[ERROR] for t in self._trials.trained), default=math.inf)
        running = Counter(task.what for task in self._pending.values())
        note = (
            f"running: {', '.join(f'{n} {what}' for what, n in running.items()) or 'proposals'}; "
            f"done: {len(self._trials.finished[PROBES])} short trainings, "
            f"{len(self._seen)} candidates, {len(self._candidates)} feasible; {trained} trained"
            + (f", best {self._error}: {best:.4g}" if math.isfinite(best) else "")
        )
        if self._over and left:
            note = f"trainings beyond the budget, at least {left} left; {note}"
            self._progress.advanced(trained, trained + left, note)
        else:
            whole = math.ceil(self._seconds)
            self._progress.advanced(min(int(self._elapsed), whole - 1), whole, f"s, {note}")

    # Submitted functions

    def _run(self, task: _Task) -> None:
        self._pending[task.workers.submit(task.function, *task.arguments)] = task

    def _collect(self, seconds: float) -> None:
        """Wait up to ``seconds`` seconds, and handle all functions that have ended."""
        if not self._pending:
            return
        ended, _ = wait(self._pending, seconds, FIRST_COMPLETED)
        for future in ended:
            task = self._pending.pop(future)
            error = CancelledError() if future.cancelled() else future.exception()
            if error is None:
                task.done(future.result())
            elif task.workers.again(error):
                self._run(task)
            else:
                raise error

    # Models of one size

    def _prepared_one(self, name: str, prepared: Prepared) -> None:
        self._prepared[name] = prepared
        known = {key_of(trial.params) for trial in self._trials.finished[PROBES]}
        for parameters in self._space.of_shape(name).samples(self._seed, MOST_PROBES):
            if key_of(parameters) not in known:
                self._probes.append(parameters)
        first = {key_of(each): (each, label) for each, label in self._first(name)}
        for key, point in first.items():
            if key not in self._done:
                self._uniform.append(point)

    def _first(self, name: str) -> Iterator[tuple[Mapping[str, Any], str]]:
        """Yield the points that are trained in any case: the start and the uniform models."""
        yield self._starts[name], ""
        yield from self._space.of_shape(name).uniform()

    def _feed(self) -> None:
        """Submit short trainings, then uniform models, to free workers."""
        while len(self._pending) < self._workers.count:
            if self._probes and not self._enough_probes:
                parameters = self._probes.popleft()
                config = self._space.point(parameters)
                config = changed(config, train={"finetune_epochs": EPOCHS})
                done = partial(self._keep, PROBES, parameters, "")
                self._run_training("short training", parameters, config, done)
            elif self._uniform:
                self._train_uniform(*self._uniform.popleft())
            else:
                return

    @property
    def _enough_probes(self) -> bool:
        """Whether short trainings have used their share of the budget, and each size has enough."""
        if self._elapsed < _PROBING * self._seconds or len(self._prepared) < len(self._starts):
            return False
        return all(len(self._probed(name)) >= LEAST_PROBES for name in self._starts)

    def _probed(self, name: str) -> list[FrozenTrial]:
        return [t for t in self._trials.finished[PROBES] if t.params[SHAPE] == name]

    def _learn(self) -> None:
        """Fit the proxies once the short trainings are done or have used their share of time."""
        if len(self._prepared) < len(self._starts) or not (
            self._enough_probes
            or all(len(self._probed(name)) >= MOST_PROBES for name in self._starts)
        ):
            return
        for name in self._starts:
            trials = self._probed(name)
            points = [self._space.point(trial.params) for trial in trials]
            self._proxies[name] = Proxy.fit(
                [point.quantization.widths(shape_of(point)) for point in points],
                [trial.user_attrs["distance"] for trial in trials],
                [trial.user_attrs[ERROR] for trial in trials],
            )
        self._begin_sampling()

    def _begin_sampling(self) -> None:
        for trial in self._trials.candidates.get_trials():
            self._recall(trial)
        first = self._space.uniform()
        others = self._space.samples(self._seed, POPULATION, alike=True)
        first += [(parameters, "") for parameters in others]
        for parameters, label in first:
            if parameters[SHAPE] in self._proxies and key_of(parameters) not in self._seen:
                self._trials.candidates.enqueue_trial(parameters, {"label": label})

    def _recall(self, trial: FrozenTrial) -> None:
        """Restore a candidate of an earlier run."""
        if trial.state == optuna.trial.TrialState.COMPLETE:
            notes = trial.user_attrs
            assessment = Assessment(notes["costs"], notes[VIOLATIONS])
            self._note(trial.params, trial.distributions, assessment, notes)

    def _note(
        self,
        parameters: Mapping[str, Any],
        distributions: Mapping[str, BaseDistribution],
        assessment: Assessment,
        notes: Mapping[str, Any],
    ) -> None:
        self._seen.add(key_of(parameters))
        if not assessment.violations:
            candidate = Candidate(
                *(parameters, distributions, assessment, notes["predicted"]),
                notes.get("label", ""),
            )
            self._candidates[candidate.key] = candidate

    # Candidates

    def _sample(self) -> None:
        """Let the sampler propose a candidate, and assess it."""
        trial = self._trials.candidates.ask()
        config = self._space.suggest(trial)
        if key_of(trial.params) in self._seen or trial.params[SHAPE] not in self._proxies:
            self._trials.drop_candidate(trial)
            return
        assessment = assess(config, self._objectives)
        costs = {ERROR: math.inf, **dict.fromkeys(self._objectives.minimise, math.inf)}
        notes: dict[str, Any] = {VIOLATIONS: assessment.violations, "costs": assessment.costs}
        if not assessment.violations:
            notes["predicted"] = self._predict(config)
            costs = {**assessment.costs, ERROR: notes["predicted"]}
        else:
            costs |= assessment.costs
        self._note(trial.params, trial.distributions, assessment, {**trial.user_attrs, **notes})
        self._trials.keep_candidate(trial, self._objectives.values(costs), notes)

    def _predict(self, config: Config) -> float:
        """Return the error that the proxy predicts."""
        bits = config.quantization.widths(shape_of(config))
        return self._proxies[shape_name(config)].error(bits)

    # Training in full

    def _train_uniform(self, parameters: Mapping[str, Any], label: str) -> None:
        assessment = assess(self._space.point(parameters), self._objectives)
        if not assessment.violations:
            distributions = self._space.distributions(parameters)
            candidate = Candidate(parameters, distributions, assessment, math.nan, label)
            self._train("uniform model" if label else "first model", candidate)

    def _train(self, what: str, candidate: Candidate) -> None:
        def done(found: Trained) -> None:
            self._keep(TRAINED, candidate.parameters, candidate.label, found)

        self._done.add(candidate.key)
        config = self._space.point(candidate.parameters)
        self._run_training(what, candidate.parameters, config, done, candidate)

    def _run_training(
        self,
        what: str,
        parameters: Mapping[str, Any],
        config: Config,
        done: Callable[[Trained], None],
        candidate: Candidate | None = None,
    ) -> None:
        prepared = self._prepared[parameters[SHAPE]]
        arguments = (prepared.state, prepared.dataset, config, self._objectives)
        self._run(_Task(what, self._workers, train, arguments, done, candidate))

    def _keep(self, study: str, parameters: Mapping[str, Any], label: str, found: Trained) -> None:
        missing = dict.fromkeys(self._objectives.minimise, math.inf)
        costs = {**missing, **found.assessment.costs, ERROR: found.error}
        notes = {
            "label": label,
            "costs": found.assessment.costs,
            VIOLATIONS: found.assessment.violations,
            ERROR: found.error,
            "distance": found.distance,
            "seconds": found.seconds,
        }
        distributions = self._space.distributions(parameters)
        self._trials.keep(study, parameters, distributions, self._objectives.values(costs), notes)

    def _train_more(self) -> None:
        """Submit the most promising candidates to free workers."""
        while len(self._pending) < self._workers.count and not self._samples:
            past = [trial.user_attrs["seconds"] for trial in self._trials.trained]
            usual = statistics.median(past) if past else 0.0
            if self._elapsed + usual >= self._seconds:
                return
            best = self._most_promising()
            if best is None:
                self._exhausted = len(self._seen) >= _MOST_CANDIDATES
                return
            self._train("candidate", best)

    def _most_promising(self) -> Candidate | None:
        """Return the candidate to train next; None if all are trained or running."""
        untrained = [c for c in self._candidates.values() if c.key not in self._done]
        if not untrained:
            return None
        line = Line.fit(
            {
                self._predict(self._space.point(trial.params)): trial.user_attrs[ERROR]
                for trial in self._trials.trained
                if trial.params[SHAPE] in self._proxies
            }
        )

        def values(candidate: Candidate, error: float) -> tuple[float, ...]:
            return self._objectives.values({**candidate.assessment.costs, ERROR: error})

        under_way = [task.candidate for task in self._pending.values() if task.candidate]
        base = [t.values for t in self._trials.trained if not t.user_attrs[VIOLATIONS]]
        base += [
            values(c, line.expected(c.predicted)) for c in under_way if math.isfinite(c.predicted)
        ]
        likely = [[values(c, error) for error in line.likely(c.predicted)] for c in untrained]
        points = np.array(likely).swapaxes(0, 1)
        known = np.array(base).reshape(-1, points.shape[-1])
        return untrained[most_promising(known, points)]


def search(
    config: Config,
    out: Path,
    objectives: Objectives,
    *,
    seconds: float,
    sizes: Sizes | None = None,
    resume: bool = False,
    cluster: str | None = None,
    workers: int | None = None,
    progress: Progress | None = None,
) -> Front:
    """Search and write the front; see ``docs/search.md``.

    Args:
        config: Configuration with the seed and all keys that are not searched.
        out: Output folder.
        objectives: Objectives and limits.
        seconds: Budget of this run, in seconds.
        sizes: Values of the model's kind and sizes to choose from, by the names of ``SIZES``.
        resume: Continue the search in ``out``.
        cluster: Address of a Dask scheduler; None for processes of this machine.
        workers: Greatest number of simultaneous trainings; None for one per core.
        progress: Receives the progress of the search.

    Raises:
        UserError: The search is impossible. The message says why and what to do.
        ToolError: Workers were lost repeatedly.
    """
    check_comparable(config, sizes or {})
    progress = progress or Progress()
    space = Space.of(config, load_device(config.hardware.device), sizes or {})
    starts = feasible_starts(space, objectives, config.train.seed)
    problem = problem_of(config, objectives, space)
    with (
        open_workers(cluster, workers) as pool,
        open_trials(out, objectives, problem, config.train.seed, resume=resume) as trials,
    ):
        trials.check(space.point)
        for name in space.shapes.keys() - starts.keys():
            progress.remarked("search", f"left out {name}: no model keeps to all limits")
        for name, why in space.impossible.items():
            progress.remarked("search", f"left out {name}: {why}")
        progress.started("search")
        begin = time.monotonic()
        try:
            Run(space, objectives, trials, pool, out, config.train.seed, progress).go(
                starts, seconds
            )
        finally:
            progress.ended()
            front = Front.of(config, trials, space, objectives)
            write_front(front, out)
        progress.finished("search", time.monotonic() - begin, reused=False)
    return front


def problem_of(config: Config, objectives: Objectives, space: Space) -> dict[str, Any]:
    """Return everything that the trials of a search depend on, as JSON."""
    settings = config.model_dump(mode="json")
    del settings["data"]["path"]  # the content counts, and it may have moved
    return {
        **settings,
        "minimise": objectives.minimise,
        "max": objectives.limits,
        "sizes": sorted(space.shapes),
        "readings": config.data.path and file_digest(config.data.path),
    }


def feasible_starts(space: Space, objectives: Objectives, seed: int) -> dict[str, dict[str, Any]]:
    """Return the parameters of a feasible point, uniform if possible, of each size that has one.

    Raises:
        UserError: No size has a feasible point. The message states the exceeded limits.
    """
    starts: dict[str, dict[str, Any]] = {}
    nearest: tuple[Config, Assessment] | None = None
    for name in space.shapes:
        alone = space.of_shape(name)
        study = optuna.create_study(sampler=optuna.samplers.TPESampler(seed=seed % SEEDS))
        for parameters, _ in alone.uniform():
            study.enqueue_trial(parameters)
        for _ in range(_ATTEMPTS):
            trial = study.ask()
            point = alone.suggest(trial)
            found = assess(point, objectives)
            if not found.violations:
                starts[name] = trial.params
                break
            study.tell(trial, found.violation)
            if nearest is None or found.violation < nearest[1].violation:
                nearest = point, found
    if not starts and nearest is not None:
        raise UserError(_impossible(objectives, *nearest))
    return starts


def _impossible(objectives: Objectives, config: Config, nearest: Assessment) -> str:
    if nearest.refusal:
        return f"no point of the search fits: {nearest.refusal}"
    parts = []
    for name, excess in nearest.violations.items():
        if name in objectives.limits:
            most = objectives.limits[name]
            found = rounded_up(most * (1 + excess))
            parts.append(f"--max {name}={most:g} is missed by {percent(excess)}, with {found:.12g}")
        else:
            parts.append(missed(name, excess))
    widths = sorted(set(config.quantization.widths(shape_of(config)).values()))
    bits = f"{widths[0]} to {widths[-1]}" if len(widths) > 1 else f"{widths[0]}"
    return (
        f"no model keeps to all limits on {config.hardware.device}; of the nearest, "
        f"{shape_name(config)} with {bits} bits, {'; '.join(parts)}: "
        "raise the limit, let --vary choose smaller models, or take a larger device"
    )
