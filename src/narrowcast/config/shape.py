"""The size of the Transformer that a configuration describes, and how large it may be."""

from dataclasses import dataclass
from typing import TYPE_CHECKING

from narrowcast.integer.builder import Decision, LinearSpec, Shape, transformer
from narrowcast.integer.calendar import calendar_columns

if TYPE_CHECKING:
    from narrowcast.config.sections import Config

# Far beyond what small FPGAs are for. They bound time and memory of the compiler and of training.
MOST_WEIGHTS = 1 << 22
MOST_VALUES = 1 << 20  # of all tensors, for one window
MOST_BATCH_VALUES = 1 << 28  # of all tensors, for one batch of a training


@dataclass(frozen=True)
class Stream:
    """What a model of a stream reads for one forecast.

    Attributes:
        kernel: Readings that each inference is given, the newest one last.
        reach: Readings before the newest one that a forecast may depend on.
    """

    kernel: int
    reach: int


@dataclass(frozen=True)
class Monitors:
    """What a model compares that detects anomalies.

    Attributes:
        columns: Indices of the inputs.
        rows: Newest rows of the window.
        hidden: Whether the model computes them from the rows before only.
    """

    columns: tuple[int, ...]
    rows: int
    hidden: bool


def shape_of(config: "Config") -> Shape:
    """Return the size of a configuration's model; of two that a task tries, the larger one."""
    monitors = config.monitors
    decision: Decision = None if monitors is None else "l1_norm"
    return Shape(
        window=config.data.window,
        inputs=len(config.data.columns),
        channels=config.model.channels,
        layers=config.model.layers,
        heads=config.model.heads,
        ffn_channels=config.model.ffn_channels,
        outputs=config.outputs,
        quantiles=max(1, len(config.model.quantiles)),
        targets=len(config.data.targets) or 1,
        kind=config.model.kind,
        pooling=config.pooling,
        kernel=config.kernel,
        stride=config.stride,
        fold=config.model.fold,
        relative=config.relative_columns,
        seasons=len(config.data.season_lengths),
        known=len(config.data.known),
        decision="arg_max" if config.data.classes else decision,
        compared=0 if monitors is None else monitors.rows,
        monitored=() if monitors is None else monitors.columns,
        hidden=monitors is not None and monitors.hidden,
        series=config.model.series,
        shared=len(calendar_columns(config.data.calendar)) if config.model.series else 0,
    )


def sizes_of(shape: Shape) -> tuple[int, int]:
    """Return the number of weights, and the number of values in all tensors of one window."""
    spec = transformer(shape)
    products = [step for step in spec.operations if isinstance(step, LinearSpec)]
    weights = sum(
        spec.tensors[step.operand].columns * spec.tensors[step.output].columns for step in products
    )
    return weights, sum(tensor.rows * tensor.columns for tensor in spec.tensors.values())
