"""What a compiled design is, as ``program.json`` and the report say it."""

from dataclasses import dataclass

from narrowcast.compile.design import Design, StepCost
from narrowcast.compile.memory import Buffer


@dataclass(frozen=True)
class ArraySummary:
    """What the lanes are.

    Attributes:
        ways: Tokens at once.
        columns: Lanes of a way.
        kinds: What each way's lanes are made of.
        grouped: Whether pairs add up groups of products outside of the DSP block.
    """

    ways: int
    columns: int
    kinds: tuple[str, ...]
    grouped: bool


@dataclass(frozen=True)
class Program:
    """The program and the memories of a design.

    Attributes:
        array: The lanes.
        steps: In the order of a token's way through the model.
        buffers: All memories.
    """

    array: ArraySummary
    steps: tuple[StepCost, ...]
    buffers: tuple[Buffer, ...]


@dataclass(frozen=True)
class CompileResults(Program):
    """What the compiler found: ``program.json``.

    Attributes:
        lanes: Multiply-accumulate lanes.
        cycles: Clocks of one inference, as predicted.
        utilisation: MACs / (lanes x cycles).
    """

    lanes: int
    cycles: int
    utilisation: float


def summarise(design: Design) -> CompileResults:
    """Return the summary of a design."""
    array = design.array
    return CompileResults(
        lanes=design.lanes,
        cycles=design.cycles,
        utilisation=design.utilisation,
        array=ArraySummary(
            ways=array.ways,
            columns=array.columns,
            kinds=tuple(str(kind) for kind in array.kinds),
            grouped=array.grouped,
        ),
        steps=tuple(design.steps),
        buffers=tuple(design.buffers),
    )
