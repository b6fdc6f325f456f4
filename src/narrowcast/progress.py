"""How far a run has come, for people (bars) and for logs (lines). Both go to stderr."""

import time

import rich.progress
from rich.console import Console

_LINE_SECONDS = 30.0


class Progress:
    """Keeps quiet. The stages report to it; what derives from it shows something."""

    def started(self, stage: str) -> None:
        """A stage begins."""

    def advanced(self, done: int, total: int, note: str = "") -> None:
        """The present stage has done ``done`` of ``total`` pieces of work."""

    def ended(self) -> None:
        """The present stage works no longer, be it finished, failed or interrupted."""

    def finished(self, stage: str, seconds: float, *, reused: bool) -> None:
        """The outputs of a stage stand; ``reused`` if they did before."""

    def remarked(self, stage: str, text: str) -> None:
        """There is something to know of a stage that goes on all the same."""


class Lines(Progress):
    """One plain line for each stage, and one every half minute while it works."""

    def __init__(self, console: Console) -> None:
        self._console = console
        self._stage, self._told = "", 0.0

    def started(self, stage: str) -> None:
        """Remember when."""
        self._stage, self._told = stage, time.monotonic()

    def advanced(self, done: int, total: int, note: str = "") -> None:
        """Print how far it is, unless that was said a moment ago."""
        if time.monotonic() - self._told >= _LINE_SECONDS:
            self._told = time.monotonic()
            self._line(self._stage, f"{done} of {total}" + (f", {note}" if note else ""))

    def finished(self, stage: str, seconds: float, *, reused: bool) -> None:
        """Print the line."""
        outcome = "up to date" if reused else f"done in {seconds:.1f} s"
        self._line(stage, outcome)

    def remarked(self, stage: str, text: str) -> None:
        """Print the line."""
        self._line(stage, text)

    def _line(self, stage: str, text: str) -> None:
        self._console.print(
            f"{stage + ':':<9} {text}", highlight=False, markup=False, soft_wrap=True
        )


class Bars(Lines):
    """A bar while a stage works, and its line when it is done."""

    def __init__(self, console: Console) -> None:
        super().__init__(console)
        self._bar: rich.progress.Progress | None = None

    def started(self, stage: str) -> None:
        """Show the bar; it pulsates until a total is known."""
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
        """Take the bar away."""
        if self._bar is not None:
            self._bar.stop()
            self._bar = None


def choose_progress() -> Progress:
    """Return bars if stderr is a terminal, else lines."""
    console = Console(stderr=True)
    return Bars(console) if console.is_terminal else Lines(console)
