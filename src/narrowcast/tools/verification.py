"""Records of the simulations, for ``verification.json`` and the report."""

from dataclasses import dataclass
from typing import Annotated

from narrowcast.estimate.power import Rates
from narrowcast.records import IF_KNOWN


@dataclass(frozen=True)
class Checked:
    """The comparison of a simulator's results with the integer model.

    Attributes:
        windows: Number of simulated windows.
        mismatches: Number of windows that differ from the integer model.
    """

    windows: int
    mismatches: int


@dataclass(frozen=True)
class Verification:
    """The comparisons of both simulators.

    Attributes:
        verilator: Comparison of all test windows.
        ghdl: Comparison of a few test windows.
    """

    verilator: Checked
    ghdl: Checked


@dataclass(frozen=True)
class Cycles:
    """Clock cycles of one inference.

    Attributes:
        predicted: Number predicted by the compiler.
        simulated: Number counted in the simulation.
    """

    predicted: int
    simulated: int


@dataclass(frozen=True)
class MeasuredRates:
    """Toggle rates of a traced simulation.

    Attributes:
        tool: Name and version of the simulator.
        windows: Number of traced windows.
        rates: Toggles per bit and clock cycle.
    """

    tool: str
    windows: int
    rates: Rates


@dataclass(frozen=True)
class VerifyResults(Verification):
    """Results of the simulations: ``verification.json``.

    Attributes:
        cycles: Clock cycles of one inference.
        activity: Toggle rates; None if they were not measured.
    """

    cycles: Cycles
    activity: Annotated[MeasuredRates | None, IF_KNOWN] = None
