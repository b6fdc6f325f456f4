"""Records: frozen dataclasses that stand in JSON files, and those that several packages share."""

import json
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Generic, Literal, TypeVar

from pydantic import Field, TypeAdapter, ValidationError

from narrowcast.errors import UserError
from narrowcast.files import write_whole

Content = TypeVar("Content")

IF_KNOWN = Field(exclude_if=lambda value: value is None)
"""Annotates a field that a file leaves out where it is None."""


@dataclass(frozen=True)
class Errors:
    """Errors of a forecast, in the target's own unit.

    Attributes:
        rmse: Root mean squared error.
        mae: Mean absolute error.
    """

    rmse: float
    mae: float


@dataclass(frozen=True)
class History:
    """The course of a training, one entry per epoch run.

    Attributes:
        loss: Mean loss on the training part.
        validation_rmse: RMSE on the validation part, in the target's own unit.
        best: Index of the epoch whose weights were kept.
    """

    loss: tuple[float, ...]
    validation_rmse: tuple[float, ...]
    best: int


@dataclass(frozen=True)
class TensorSummary:
    """The distribution of a tensor before quantisation, and how it was quantised.

    Attributes:
        name: As in the integer model.
        bits: Width.
        scheme: Whether there is a zero point.
        scale: Of activations one; of weights the mean over the channels.
        zero_point: 0 if symmetric.
        lowest: The least that the integers reach; of weights, in the channel with the largest
            scale.
        highest: The most that they reach.
        error: Of the integers, root mean square, as a fraction of the tensor's own.
        error_symmetric: The same for the best range without a zero point; None where there is no
            choice.
        error_asymmetric: The same for the best range with a zero point. The adaptive scheme
            compares these two.
        edges: The least and the largest number that occurs.
        counts: How many numbers lie in each of the equal bins between these.
    """

    name: str
    bits: int
    scheme: Literal["symmetric", "asymmetric"]
    scale: float
    zero_point: int
    lowest: float
    highest: float
    error: float
    error_symmetric: float | None
    error_asymmetric: float | None
    edges: tuple[float, float]
    counts: tuple[int, ...]


@dataclass(frozen=True)
class Record(Generic[Content]):
    """A JSON file and what it holds.

    Attributes:
        name: Of the file.
        kind: The dataclass in it.
    """

    name: str
    kind: type[Content]

    def write(self, folder: Path, content: Content) -> None:
        """Write the file.

        Raises:
            UserError: The folder cannot be written.
        """
        write_whole(folder / self.name, json.dumps(to_json(content), indent=1) + "\n")

    def read(self, folder: Path) -> Content:
        """Read the file.

        Raises:
            UserError: It cannot be read, is no JSON, or has not the fields of ``kind``.
        """
        path = folder / self.name
        try:
            return TypeAdapter(self.kind).validate_python(json.loads(path.read_bytes()))
        except OSError as error:
            raise UserError(f"{path}: cannot be read: {error.strerror}") from None
        except ValidationError as error:
            first = error.errors(include_url=False)[0]
            where = ".".join(map(str, first["loc"]))
            raise UserError(
                f"{path}: {where}: {first['msg'].lower()}: delete it and run again"
            ) from None
        except ValueError:
            raise UserError(f"{path}: is truncated or not JSON: delete it and run again") from None


def to_json(record: object) -> dict[str, Any]:
    """Return a record as plain JSON, with its computed fields."""
    plain: dict[str, Any] = TypeAdapter(type(record)).dump_python(
        record, mode="json", by_alias=True
    )
    return plain
