"""Progress of a run on stderr: bars in a terminal, lines in a log."""

import time

import rich.progress
from rich.console import Console

_LINE_SECONDS = 30.0


class Progress:
    """Receives the progress of the stages and shows nothing. Subclasses display it."""

    def started(self, stage: str) -> None:
        """Report that a stage has started to work."""

    def advanced(self, done: int, total: int, note: str = "") -> None:
        """Report that the current stage has done ``done`` of ``total`` units of work."""

    def ended(self) -> None:
        """Report that the current stage has stopped: finished, failed or interrupted."""

    def finished(self, stage: str, seconds: float, *, reused: bool) -> None:
        """Report that the outputs of a stage are complete; ``reused`` if they were up to date."""

    def remarked(self, stage: str, text: str) -> None:
        """Show a remark on a stage that continues nevertheless."""


class Lines(Progress):
    """Prints one line when a stage is finished, and one every 30 seconds while it works."""

    def __init__(self, console: Console) -> None:
        self._console = console
        self._stage, self._last_line = "", 0.0  # time of the last line, seconds

    def started(self, stage: str) -> None:
        """Start the clock for the first line."""
        self._stage, self._last_line = stage, time.monotonic()

    def advanced(self, done: int, total: int, note: str = "") -> None:
        """Print the progress, at most once every 30 seconds."""
        if time.monotonic() - self._last_line >= _LINE_SECONDS:
            self._last_line = time.monotonic()
            self._line(self._stage, f"{done} of {total}" + (f", {note}" if note else ""))

    def finished(self, stage: str, seconds: float, *, reused: bool) -> None:
        """Print the duration, or that the stage is up to date."""
        outcome = "up to date" if reused else f"done in {seconds:.1f} s"
        self._line(stage, outcome)

    def remarked(self, stage: str, text: str) -> None:
        """Print the remark."""
        self._line(stage, text)

    def _line(self, stage: str, text: str) -> None:
        self._console.print(
            f"{stage + ':':<9} {text}", highlight=False, markup=False, soft_wrap=True
        )


class Bars(Lines):
    """Shows a bar while a stage works, and prints one line when it is finished."""

    def __init__(self, console: Console) -> None:
        super().__init__(console)
        self._bar: rich.progress.Progress | None = None

    def started(self, stage: str) -> None:
        """Show the bar. It pulsates until the total is known."""
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
        if self._bar is not None:
            self._bar.update(self._bar.task_ids[0], completed=done, total=total, description=note)

    def ended(self) -> None:
        """Remove the bar."""
        if self._bar is not None:
            self._bar.stop()
            self._bar = None


def choose_progress() -> Progress:
    """Return bars if stderr is a terminal, and lines otherwise."""
    console = Console(stderr=True)
    return Bars(console) if console.is_terminal else Lines(console)
