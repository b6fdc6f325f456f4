"""The tasks that a report can be of."""

from collections.abc import Iterator
from typing import Any

from narrowcast.report import detection, forecasts, recognition
from narrowcast.report.schema import Report
from narrowcast.report.task import Task

_TASKS: tuple[Task[Any], ...] = (forecasts.TASK, recognition.TASK, detection.TASK)


def task_of(report: Report) -> Task[Any]:
    """Return the task of a report, which the type of its scores tells."""
    found = report.accuracy.test["integer"]
    return next(task for task in _TASKS if isinstance(found, task.kind))


def score_lines(report: Report) -> Iterator[str]:
    """Yield lines on the scores of the model, and on a simple method that is better."""
    task = task_of(report)
    known = task.known(report)
    yield from task.lines(report, known)
    if (better := report.accuracy.beaten_by) is not None:
        yield f"beaten by:  {better}, a simple method, with {task.score(known[better])}"
