"""What is trained once for all points of one size: the float model."""

from dataclasses import dataclass, replace
from pathlib import Path

from narrowcast import pipeline
from narrowcast.config import Config
from narrowcast.data import Dataset, Part, make_windows, read_table
from narrowcast.search.space import shape_name

MODELS = "models"


@dataclass(frozen=True)
class Prepared:
    """A size of the model, trained in floating point.

    Attributes:
        dataset: without its test part, which a search does not look at.
        state: content of the file of float weights.
    """

    dataset: Dataset
    state: bytes


def model_folder(out: Path, config: Config) -> Path:
    """Return where the float model of a size is; ``narrowcast build --out`` goes on from there."""
    return out / MODELS / shape_name(config)


def prepare(config: Config, out: Path) -> Prepared:
    """Train a size in floating point, unless that is done.

    ``narrowcast train`` does the same: its folder is ``out``/models/ and the size.
    """
    folder = model_folder(out, config)
    pipeline.train(config, folder)
    state = (folder / pipeline.FLOAT_MODEL).read_bytes()
    dataset = make_windows(read_table(config.data), config.data)
    return Prepared(
        dataset=replace(dataset, test=_nothing(dataset.test)),
        state=state,
    )


def _nothing(part: Part) -> Part:
    return Part(
        inputs=part.inputs[:0],
        target=part.target[:0],
        row=part.row[:0],
        time=None if part.time is None else part.time[:0],
        last_known=None if part.last_known is None else part.last_known[:0],
    )
