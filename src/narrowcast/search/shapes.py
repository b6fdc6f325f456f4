"""The float model and the data of each size, prepared once for all points of that size."""

from dataclasses import dataclass, replace
from pathlib import Path

from narrowcast import pipeline
from narrowcast.config import Config
from narrowcast.data import Dataset, Part, Stretches, make_windows, read_table
from narrowcast.search.space import shape_name

MODELS = "models"


@dataclass(frozen=True)
class Prepared:
    """A size of the model, trained in floating point.

    Attributes:
        dataset: Windows, without those of the test part, which a search must not use.
        state: Content of the file of float weights.
    """

    dataset: Dataset
    state: bytes


def model_folder(out: Path, config: Config) -> Path:
    """Return the folder of a size's float model."""
    return out / MODELS / shape_name(config)


def prepare(config: Config, out: Path) -> Prepared:
    """Train the float model of a size, unless that is done.

    It is the stage ``narrowcast train`` without ``train.refit``, in the folder
    :func:`model_folder`: a model that has seen the validation part has no honest error there.
    """
    folder = model_folder(out, config)
    unseen = config.train.model_copy(update={"refit": False})
    pipeline.train(config.model_copy(update={"train": unseen}), folder)
    state = (folder / pipeline.FLOAT_MODEL).read_bytes()
    dataset = make_windows(
        *(read_table(config.data), config.data, config.stream, config.model.quantiles),
        series=config.model.series,
    )
    return Prepared(
        dataset=replace(dataset, test=_emptied(dataset.test)),
        state=state,
    )


def _emptied(part: Part) -> Part:
    return Part(
        inputs=part.inputs[:0],
        target=part.target[:0],
        row=part.row[:0],
        time=None if part.time is None else part.time[:0],
        last_known=None if part.last_known is None else part.last_known[:0],
        further=tuple(each[:0] for each in part.further),
        stretches=part.stretches and Stretches(part.restart[:0], part.at[:0]),
    )
