"""``report.json``, which ``docs/report.md`` documents field by field."""

from dataclasses import dataclass

from narrowcast.compile.summary import Program
from narrowcast.estimate import Estimate
from narrowcast.estimate.power import Energy
from narrowcast.integer.model import Scalar
from narrowcast.tools.nextpnr import Placement
from narrowcast.tools.verification import Cycles, MeasuredRates, Verification
from narrowcast.tools.yosys import Synthesis
from narrowcast.training_records import DataSummary, Errors, Quantization

SCHEMA_VERSION = 1

FORECASTERS = ("float", "qat", "integer", "persistence", "ridge", "ridge_quadratic")


@dataclass(frozen=True)
class Factors:
    """Toggle rates over those for which a device's coefficients are meant.

    Attributes:
        lanes: Of DSP blocks.
        memories: Of block memories.
        rest: Of look-up tables and flip-flops.
    """

    lanes: float
    memories: float
    rest: float


@dataclass(frozen=True)
class ActivityEstimate(MeasuredRates):
    """Measured toggle rates, and the energy that is estimated with them.

    Attributes:
        factors: The rates over nominal ones.
        energy: The estimate by its terms.
        energy_uj: Microjoules of an inference.
        power_mw: Milliwatts while it runs.
    """

    factors: Factors
    energy: Energy
    energy_uj: float
    power_mw: float


@dataclass(frozen=True)
class Accuracy:
    """Errors by part of the data.

    Attributes:
        test: On the test part, by forecaster; None where there is no forecast.
    """

    test: dict[str, Errors | None]


@dataclass(frozen=True)
class Report:
    """The whole of a run.

    Attributes:
        schema_version: Of ``report.json``.
        narrowcast: Version of the program.
        data: The readings.
        model: The architecture, with ``parameters`` and ``macs``.
        accuracy: Errors of all forecasters.
        quantization: What became of every tensor.
        verification: What was simulated.
        cycles: Clocks of one inference.
        lanes: Multiply-accumulate lanes.
        utilisation: MACs / (lanes x simulated cycles).
        clock_mhz: The clock of the configuration.
        latency_us: Microseconds of one inference at that clock.
        program: The program and the memories.
        synthesis: Resources.
        place_and_route: The routed design; None if it is not placed.
        estimate: What it was expected to cost.
        activity: Energy with measured toggle rates; None if they were not measured.
        seconds: Time taken by stage.
    """

    schema_version: int
    narrowcast: str
    data: DataSummary
    model: dict[str, Scalar]
    accuracy: Accuracy
    quantization: Quantization
    verification: Verification
    cycles: Cycles
    lanes: int
    utilisation: float
    clock_mhz: float
    latency_us: float
    program: Program
    synthesis: Synthesis
    place_and_route: Placement | None
    estimate: Estimate
    activity: ActivityEstimate | None
    seconds: dict[str, float]
