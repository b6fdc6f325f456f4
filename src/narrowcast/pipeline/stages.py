"""Stages, which run only if their outputs are missing or outdated.

A stage writes files to an output folder, DIR. ``DIR/.stages/<name>.json`` has the settings of its
last run and the SHA-256 of every file that it read and wrote. A stage works in
``DIR/.stages/<name>.work``. Its outputs are moved to DIR at the end, so that a stage that fails or
is interrupted leaves DIR unchanged.
"""

import hashlib
import json
import shutil
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import suppress
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import Any, Generic, TypeVar

from pydantic import TypeAdapter

from narrowcast import __version__
from narrowcast.errors import UserError, shown, shown_key
from narrowcast.files import write_whole
from narrowcast.progress import Progress
from narrowcast.records import read_record, write_json, write_record

STATE_FOLDER = ".stages"
_OWNED = "owned.json"
_NEW_STATE = ".state.json"  # of a stage at work


Results = TypeVar("Results")


def _nothing() -> None:
    """Do nothing: there is no precondition."""


@dataclass(frozen=True)
class Stage(Generic[Results]):
    """A stage, which reads and writes files.

    Attributes:
        name: Name of the stage, and of the command that runs it.
        run: Called with an empty folder for the outputs and with the progress to report to. Other
            files in the folder are deleted afterwards. Returns the results.
        record: Name of the JSON file in DIR with the results.
        kind: Dataclass of the results.
        outputs: Names of further files and folders in DIR.
        needs: Outputs of earlier stages that this one reads.
        settings: Parts of the configuration that it depends on, as JSON, by section.
        options: Everything else that it depends on. Later stages accept outputs of any options.
        files: Files outside DIR that it reads, by their role.
        precondition: Called before the stage runs. Raises an error if the stage cannot succeed.
    """

    name: str
    run: Callable[[Path, Progress], Results]
    record: str
    kind: type[Results]
    outputs: tuple[str, ...] = ()
    needs: tuple[str, ...] = ()
    settings: Mapping[str, Any] = field(default_factory=dict)
    options: Mapping[str, Any] = field(default_factory=dict)
    files: Mapping[str, Path] = field(default_factory=dict)
    precondition: Callable[[], None] = _nothing

    @property
    def makes(self) -> tuple[str, ...]:
        """Names of all files and folders in DIR that it writes."""
        return (*self.outputs, self.record)


@dataclass(frozen=True)
class State:
    """The stored state of a finished stage.

    Attributes:
        settings: Settings of the stage.
        options: Options of the stage, and the version of narrowcast.
        files: Digests of the files outside DIR, by their role.
        needs: Digests of the files in DIR that it read, by name.
        outputs: Digests of the files in DIR that it wrote, by name.
        seconds: Duration in seconds.
    """

    settings: dict[str, Any]
    options: dict[str, Any]
    files: dict[str, str]
    needs: dict[str, str]
    outputs: dict[str, str]
    seconds: float


_STATES = TypeAdapter(State)
_NAMES = TypeAdapter(set[str])


def read_state(out: Path, name: str) -> State | None:
    """Return the stored state of a stage; None if it is not finished."""
    try:
        return _STATES.validate_json(_state_path(out, name).read_bytes(), strict=True)
    except (OSError, ValueError):
        return None


def is_done(out: Path, stage: Stage[Any]) -> bool:
    """Return whether a stage is finished and nothing it depends on has changed.

    Raises:
        UserError: An input cannot be read.
    """
    known = read_state(out, stage.name)
    return known is not None and _still_valid(out, stage, known, _made_from(out, stage))


def run_stage(
    out: Path, stage: Stage[Results], progress: Progress | None = None, *, force: bool = False
) -> Results:
    """Run a stage, unless it is up to date, and return its results.

    Args:
        out: DIR, which is created if it does not exist.
        stage: The stage.
        progress: Receives the progress of the stage.
        force: Whether to run the stage even if it is up to date.

    Raises:
        UserError: DIR cannot be written, an input cannot be read, or the precondition fails.
        ToolError: The precondition fails, or a tool fails.
    """
    progress = progress or Progress()
    made_from = _made_from(out, stage)
    known = read_state(out, stage.name)
    if known is not None and not force and _still_valid(out, stage, known, made_from):
        progress.finished(stage.name, known.seconds, reused=True)
        return read_record(out / stage.record, stage.kind)

    stage.precondition()
    refuse_foreign(out, [stage])
    work = out / STATE_FOLDER / f"{stage.name}.work"
    start = time.monotonic()
    try:
        _make_empty(work, out)
        progress.started(stage.name)
        results = stage.run(work, progress)
        write_record(work / stage.record, results)
        seconds = round(time.monotonic() - start, 3)
        state = State(**made_from, outputs=_digests(work, stage.makes), seconds=seconds)
        write_json(work / _NEW_STATE, asdict(state))
        _move_in_place(work, out, stage)
    finally:
        progress.ended()
        shutil.rmtree(work, ignore_errors=True)
        with suppress(OSError):  # not empty, unless the first stage of all has failed
            work.parent.rmdir()
    progress.finished(stage.name, seconds, reused=False)
    return results


def _make_empty(work: Path, out: Path) -> None:
    try:
        shutil.rmtree(work, ignore_errors=True)
        work.mkdir(parents=True)
    except OSError as error:
        raise UserError(f"{out}: cannot be written: {error.strerror}") from None


def remove_unfinished(out: Path) -> None:
    """Remove what stages have left that were killed. No other process may be at work in DIR."""
    for work in (out / STATE_FOLDER).glob("*.work"):
        shutil.rmtree(work, ignore_errors=True)


def check_ready(out: Path, stage: Stage[Any], earlier: Sequence[Stage[Any]]) -> None:
    """Check that DIR has the inputs of a stage, and that they have the current settings.

    Files that no stage has written are accepted as they are. The data may be missing, if this stage
    does not read it, but must not be other data than that of the earlier stages.

    Raises:
        UserError: An input is missing or outdated. The message names the command to run first.
    """
    for before in earlier:
        for name in before.makes:
            if name in stage.needs and not (out / name).exists():
                raise UserError(
                    f"{out / name}: not there yet: run 'narrowcast {before.name}' first"
                )
        state = read_state(out, before.name)
        if state is None:
            continue
        again = f"run 'narrowcast {before.name}' again"
        if changed := first_difference(state.settings, plain(before.settings)):
            key, then, now = changed
            raise UserError(
                f"{out}: '{before.name}' ran with {shown_key(key)} = {shown(then)}, but it is now "
                f"{shown(now)}: {again}"
            )
        made = _digests(out, [name for name in before.makes if name in stage.needs])
        known = {n: d for n, d in state.outputs.items() if n.partition("/")[0] in stage.needs}
        for name in made | known:
            if made.get(name) != known.get(name):
                how = "has changed" if name in made else "is gone"
                raise UserError(f"{out / name}: {how} since '{before.name}' made it: {again}")
        for part, path in before.files.items():
            # A stage that does not read the data itself does without it, but not with other data.
            if (stage.files or path.exists()) and state.files.get(part) != file_digest(path):
                raise UserError(f"{out}: the data has changed since '{before.name}' ran: {again}")
        needed = _digests(out, before.needs)
        for name, digest in state.needs.items():
            if needed.get(name) != digest:
                raise UserError(f"{out / name}: has changed since '{before.name}' ran: {again}")


def _made_from(out: Path, stage: Stage[Any]) -> dict[str, Any]:
    """Return the current inputs of a stage, by the fields of :class:`State`."""
    return {
        "settings": plain(stage.settings),
        "options": plain({**stage.options, "version": __version__}),
        "files": {part: file_digest(path) for part, path in stage.files.items()},
        "needs": _digests(out, stage.needs),
    }


def _still_valid(out: Path, stage: Stage[Any], known: State, made_from: dict[str, Any]) -> bool:
    return all(getattr(known, name) == value for name, value in made_from.items()) and (
        known.outputs == _digests(out, stage.makes)
    )


def refuse_foreign(out: Path, stages: Sequence[Stage[Any]]) -> None:
    """Refuse to overwrite files that no stage has written.

    Raises:
        UserError: An output exists, but was not written by a stage.
    """
    own = _owned(out)
    for stage in stages:
        for name in stage.makes:
            if (out / name).exists() and name not in own:
                raise UserError(
                    f"{out / name}: exists, but no run of narrowcast is known to have made it: "
                    "choose another folder with --out, or remove it"
                )


def _owned(out: Path) -> set[str]:
    """Return the names of all outputs that stages have written to DIR."""
    try:
        return _NAMES.validate_json((out / STATE_FOLDER / _OWNED).read_bytes())
    except (OSError, ValueError):
        return set()


def _move_in_place(work: Path, out: Path, stage: Stage[Any]) -> None:
    # Until the new state is there, the stage counts as unfinished. So a mixture of old and new
    # outputs is never used. All is written before: a full disk leaves the old outputs as they were.
    try:
        own = sorted(_owned(out) | set(stage.makes))
        write_whole(out / STATE_FOLDER / _OWNED, json.dumps(own) + "\n")
        _state_path(out, stage.name).unlink(missing_ok=True)
        for name in stage.makes:
            target = out / name
            if target.is_dir():
                target.replace(work / f"{name}.old")
            (work / name).replace(target)
        (work / _NEW_STATE).replace(_state_path(out, stage.name))
    except OSError as error:
        raise UserError(f"{error.filename}: cannot be moved to {out}: {error.strerror}") from None


def _state_path(out: Path, name: str) -> Path:
    return out / STATE_FOLDER / f"{name}.json"


def plain(value: Any) -> Any:
    """Return a value as it is after a round trip through JSON, for comparisons."""
    return json.loads(json.dumps(value))


def file_digest(path: Path) -> str:
    """Return the SHA-256 of a file.

    Raises:
        UserError: The file cannot be read.
    """
    try:
        with path.open("rb") as stream:
            return hashlib.file_digest(stream, "sha256").hexdigest()
    except FileNotFoundError:
        raise UserError(f"{path}: no such file") from None
    except OSError as error:
        raise UserError(f"{path}: cannot be read: {error.strerror}") from None


def _digests(out: Path, names: Sequence[str]) -> dict[str, str]:
    """Return the digests of all files, also in folders, by name."""
    return {
        path.relative_to(out).as_posix(): file_digest(path)
        for name in names
        for path in _files(out / name)
    }


def _files(path: Path) -> Iterator[Path]:
    if path.is_dir():
        yield from sorted(each for each in path.rglob("*") if each.is_file())
    elif path.exists():
        yield path


def first_difference(
    then: Mapping[str, Any], now: Mapping[str, Any], prefix: str = ""
) -> tuple[str, Any, Any] | None:
    """Return the first dotted key whose values differ, with both values."""
    for key in {**then, **now}:
        a, b = then.get(key), now.get(key)
        if isinstance(a, dict) and isinstance(b, dict):
            if difference := first_difference(a, b, f"{prefix}{key}."):
                return difference
        elif a != b:
            return f"{prefix}{key}", a, b
    return None
