"""Progress of a run on stderr: bars in a terminal and in a notebook, lines in a log.

All of it also goes to the loggers below ``narrowcast`` of Python's ``logging``: what a stage does
as ``INFO``, warnings as ``WARNING``, each unit of work as ``DEBUG``.
"""

import logging
import time
from importlib.util import find_spec
from typing import Literal

import rich.progress
from rich.console import Console

_LINE_SECONDS = 30.0
_LOG = logging.getLogger("narrowcast")

Verbosity = Literal["quiet", "normal", "verbose"]


class Progress:
    """Receives the progress of the stages and logs it. Subclasses also display it."""

    _stage = ""  # the current one

    def started(self, stage: str) -> None:
        """Report that a stage has started to work."""
        self._stage = stage
        self._log(stage, logging.INFO, "started")

    def advanced(self, done: int, total: int, note: str = "") -> None:
        """Report that the current stage has done ``done`` of ``total`` units of work.

        ``note`` begins with the name of the units, such as "epochs", and may say more.
        """
        self._log(self._stage, logging.DEBUG, _units(done, total, note))

    def ended(self) -> None:
        """Report that the current stage has stopped: finished, failed or interrupted."""

    def finished(self, stage: str, seconds: float, *, reused: bool) -> None:
        """Report that the outputs of a stage are complete; ``reused`` if they were up to date."""
        self._log(stage, logging.INFO, _outcome(seconds, reused))

    def remarked(self, stage: str, text: str) -> None:
        """Show a remark on a stage that continues nevertheless."""
        self._log(stage, logging.INFO, text)

    def warned(self, stage: str, text: str) -> None:
        """Show a warning, which is also shown to those who want no remarks."""
        self._log(stage, logging.WARNING, text)

    @staticmethod
    def _log(stage: str, level: int, text: str) -> None:
        logger = _LOG.getChild(stage) if stage else _LOG
        logger.log(level, "%s", text)


def _units(done: int, total: int, note: str) -> str:
    return f"{done} of {total} {note}".rstrip()


def _outcome(seconds: float, reused: bool) -> str:
    return "up to date" if reused else f"done in {seconds:.1f} s"


class Warnings(Progress):
    """Prints warnings only."""

    def __init__(self, console: Console) -> None:
        self._console = console

    def warned(self, stage: str, text: str) -> None:
        """Print the warning."""
        super().warned(stage, text)
        self._line(stage, f"warning: {text}")

    def _line(self, stage: str, text: str) -> None:
        self._console.print(
            f"{stage + ':':<9} {text}", highlight=False, markup=False, soft_wrap=True
        )


class Lines(Warnings):
    """Prints one line when a stage is finished, and one every 30 seconds while it works."""

    def __init__(self, console: Console) -> None:
        super().__init__(console)
        self._last_line = 0.0  # time of the last line, seconds

    def started(self, stage: str) -> None:
        """Start the clock for the first line."""
        super().started(stage)
        self._last_line = time.monotonic()

    def advanced(self, done: int, total: int, note: str = "") -> None:
        """Print the progress, at most once every 30 seconds."""
        super().advanced(done, total, note)
        if time.monotonic() - self._last_line >= _LINE_SECONDS:
            self._last_line = time.monotonic()
            self._line(self._stage, _units(done, total, note))

    def finished(self, stage: str, seconds: float, *, reused: bool) -> None:
        """Print the duration, or that the stage is up to date."""
        super().finished(stage, seconds, reused=reused)
        self._line(stage, _outcome(seconds, reused))

    def remarked(self, stage: str, text: str) -> None:
        """Print the remark."""
        super().remarked(stage, text)
        self._line(stage, text)


class Bars(Lines):
    """Shows a bar while a stage works, and prints one line when it is finished."""

    def __init__(self, console: Console) -> None:
        super().__init__(console)
        self._bar: rich.progress.Progress | None = None

    def started(self, stage: str) -> None:
        """Show the bar. It pulsates until the total is known."""
        Progress.started(self, stage)
        self._bar = rich.progress.Progress(
            rich.progress.TextColumn(f"{stage + ':':<9}"),
            rich.progress.BarColumn(),
            rich.progress.TimeElapsedColumn(),
            rich.progress.TextColumn("{task.description}", markup=False),
            console=self._console,
            transient=True,
        )
        self._bar.add_task("", total=None)
        self._bar.start()

    def advanced(self, done: int, total: int, note: str = "") -> None:
        """Move the bar."""
        Progress.advanced(self, done, total, note)
        if self._bar is not None:
            text = _units(done, total, note)
            self._bar.update(self._bar.task_ids[0], completed=done, total=total, description=text)

    def ended(self) -> None:
        """Remove the bar."""
        if self._bar is not None:
            self._bar.stop()
            self._bar = None


def choose_progress(verbosity: Verbosity = "normal") -> Progress:
    """Return what displays the progress on stderr.

    These are bars in a terminal, and in a notebook that has ipywidgets, and lines otherwise. If
    ``quiet``, only warnings are shown. If ``verbose``, nothing is shown besides what is logged.
    """
    console = Console(stderr=True)
    match verbosity:
        case "quiet":
            return Warnings(console)
        case "verbose":
            return Progress()
    widgets = console.is_jupyter and find_spec("ipywidgets") is not None
    return Bars(console) if console.is_terminal or widgets else Lines(console)
