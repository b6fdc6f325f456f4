"""The summary of a compiled design, for ``program.json`` and the report."""

from dataclasses import dataclass

from narrowcast.compile.design import Design, StepCost
from narrowcast.compile.memory import Buffer
from narrowcast.config import InterfaceName


@dataclass(frozen=True)
class ArraySummary:
    """The array of lanes.

    Attributes:
        ways: Rows processed at the same time.
        columns: Lanes of a way.
        kinds: Kind of the lanes of each way.
        grouped: Whether sums of pairs are split into groups, which are added outside of the DSP
            block.
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
        steps: Steps in the order in which data pass through the graph.
        buffers: All memories.
    """

    array: ArraySummary
    steps: tuple[StepCost, ...]
    buffers: tuple[Buffer, ...]


@dataclass(frozen=True)
class CompileResults(Program):
    """Results of the compiler: ``program.json``.

    Attributes:
        lanes: Number of multiply-accumulate lanes.
        cycles: Predicted clock cycles of one inference.
        utilisation: MACs / (lanes x cycles).
        state_access: Whether a host can read the states and put them back.
        interface: How a host speaks to a board with the design.
    """

    lanes: int
    cycles: int
    utilisation: float
    state_access: bool
    interface: InterfaceName


def summarise(design: Design, interface: InterfaceName = "uart") -> CompileResults:
    """Return the summary of a design, which gets this interface on a board."""
    array = design.array
    return CompileResults(
        lanes=design.lanes,
        cycles=design.cycles,
        utilisation=design.utilisation,
        state_access=design.state_access is not None,
        interface=interface,
        array=ArraySummary(
            ways=array.ways,
            columns=array.columns,
            kinds=tuple(str(kind) for kind in array.kinds),
            grouped=array.grouped,
        ),
        steps=tuple(design.steps),
        buffers=tuple(design.buffers),
    )
