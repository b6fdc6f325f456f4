"""What the simulations of a design found, as ``verification.json`` and the report say it."""

from dataclasses import dataclass
from typing import Annotated

from narrowcast.estimate.power import Rates
from narrowcast.records import IF_KNOWN


@dataclass(frozen=True)
class Checked:
    """What a simulator checked.

    Attributes:
        windows: How many were simulated.
        mismatches: How many of them differ from the integer model.
    """

    windows: int
    mismatches: int


@dataclass(frozen=True)
class Verification:
    """What the simulators checked.

    Attributes:
        verilator: All test windows.
        ghdl: A few of them.
    """

    verilator: Checked
    ghdl: Checked


@dataclass(frozen=True)
class Cycles:
    """Clocks of one inference.

    Attributes:
        predicted: By the compiler.
        simulated: As counted.
    """

    predicted: int
    simulated: int


@dataclass(frozen=True)
class MeasuredRates:
    """Toggle rates of a traced simulation.

    Attributes:
        tool: The simulator.
        windows: How many were traced.
        rates: Toggles per bit and clock.
    """

    tool: str
    windows: int
    rates: Rates


@dataclass(frozen=True)
class VerifyResults(Verification):
    """What the simulations found: ``verification.json``.

    Attributes:
        cycles: Clocks of one inference.
        activity: Toggle rates, where they were asked for.
    """

    cycles: Cycles
    activity: Annotated[MeasuredRates | None, IF_KNOWN] = None
