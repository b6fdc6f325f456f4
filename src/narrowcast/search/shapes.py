"""What is trained once for all points of one size: the float model, and the shared one."""

from dataclasses import dataclass, replace
from hashlib import sha256
from pathlib import Path

import safetensors.torch

from narrowcast import pipeline
from narrowcast.config import Config
from narrowcast.data import Dataset, Part, make_windows, read_table
from narrowcast.search.jobs import load_float
from narrowcast.search.shared import Judge, SharedModel
from narrowcast.search.space import shape_name

MODELS = "models"


@dataclass(frozen=True)
class Prepared:
    """A size of the model, trained in floating point.

    Attributes:
        config: any point of this size.
        dataset: without its test part, which a search does not look at.
        state: content of the file of float weights.
        shared: the file of shared weights; it need not be there.
    """

    config: Config
    dataset: Dataset
    state: bytes
    shared: Path

    def judge(self) -> Judge:
        """Return the judge of this size, from the file of shared weights."""
        source = load_float(self.state, self.config)
        model = SharedModel(source, self.dataset, self.config)
        model.load_state_dict(safetensors.torch.load(self.shared.read_bytes()))
        return Judge(model, source, self.dataset)


def prepare(config: Config, out: Path) -> Prepared:
    """Train a size in floating point, unless that is done.

    ``narrowcast train`` does the same: its folder is ``out``/models/ and the size.
    """
    folder = out / MODELS / shape_name(config)
    pipeline.train(config, folder)
    state = (folder / pipeline.FLOAT_MODEL).read_bytes()
    key = sha256(state + config.train.model_dump_json().encode()).hexdigest()
    dataset = make_windows(read_table(config.data), config.data)
    return Prepared(
        config=config,
        dataset=replace(dataset, test=_nothing(dataset.test)),
        state=state,
        shared=folder / f"shared-{key[:12]}.safetensors",
    )


def _nothing(part: Part) -> Part:
    return Part(
        inputs=part.inputs[:0],
        target=part.target[:0],
        row=part.row[:0],
        time=None if part.time is None else part.time[:0],
        last_known=None if part.last_known is None else part.last_known[:0],
    )
