"""What the report says of a task, such as forecasting, beside what it says of every engine."""

from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass
from typing import Any, Generic, TypeVar

from numpy.typing import NDArray

from narrowcast.report.schema import Report
from narrowcast.training_records import DataSummary, Scores

Kind = TypeVar("Kind", bound=Scores)
Arrays = Mapping[str, NDArray[Any]]


@dataclass(frozen=True)
class Task(Generic[Kind]):
    """How the results of a task are shown.

    Attributes:
        kind: Type of its scores.
        template: Path of its template, which fills the blocks of ``report.html.j2``.
        result: What an inference gives, such as a forecast.
        error: Returns what the error on the validation part is, of a table of readings.
        loss: What the loss is.
        losses: What the loss is computed from, of ``float`` and of ``integer``.
        content: Returns the variables of the template, of a report, of its scores by method, and of
            the arrays of the test part.
        lines: Returns lines on the scores of the model, of a report and of its scores by method.
        score: Returns the scores of a method as a part of a line.
    """

    kind: type[Kind]
    template: str
    result: str
    error: Callable[[DataSummary], str]
    loss: str
    losses: Mapping[str, str]
    content: Callable[[Report, Mapping[str, Kind], Arrays], dict[str, Any]]
    lines: Callable[[Report, Mapping[str, Kind]], Iterable[str]]
    score: Callable[[Kind], str]

    def known(self, report: Report) -> dict[str, Kind]:
        """Return the scores on the test part of the methods that are possible."""
        test = report.accuracy.test.items()
        return {name: each for name, each in test if isinstance(each, self.kind)}
