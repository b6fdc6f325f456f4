"""The records of ``report.json``; ``docs/report.md`` documents all fields."""

from dataclasses import dataclass
from typing import Annotated

from pydantic import computed_field

from narrowcast.compile.summary import Program
from narrowcast.estimate import Estimate
from narrowcast.estimate.duty_cycle import DutyCycle
from narrowcast.estimate.power import Energy
from narrowcast.export.cost import MicrocontrollerCost
from narrowcast.integer.model import Scalar
from narrowcast.records import IF_KNOWN
from narrowcast.tools.nextpnr import Placement
from narrowcast.tools.verification import Cycles, MeasuredRates, Verification
from narrowcast.tools.yosys import Synthesis
from narrowcast.training_records import (
    CutOff,
    DataSummary,
    Errors,
    History,
    Quantization,
    Scores,
    beaten_by,
)

SCHEMA_VERSION = 1

MODELS = ("float", "qat", "integer")


@dataclass(frozen=True)
class Factors:
    """Measured toggle rates divided by the nominal rates of the device's coefficients.

    Attributes:
        lanes: Factor of DSP blocks.
        memories: Factor of block memories.
        rest: Factor of look-up tables and flip-flops.
    """

    lanes: float
    memories: float
    rest: float


@dataclass(frozen=True)
class ActivityEstimate(MeasuredRates):
    """Measured toggle rates, and the energy that is estimated with them.

    Attributes:
        factors: Measured rates divided by nominal rates.
        energy: Energy with these rates, by terms.
        energy_uj: Energy of an inference, in uJ.
        power_mw: Power during an inference, in mW.
    """

    factors: Factors
    energy: Energy
    energy_uj: float
    power_mw: float


@dataclass(frozen=True)
class Accuracy:
    """Errors by part of the data.

    Attributes:
        test: Scores on the test part by method: the model in floating point, in training and in
            integers, and the simple methods; None for a method that is impossible.
        cut_off: Shares of values beyond the integers, by part.
        constant_width: Errors of intervals of constant width, see :class:`TrainResults`; None
            without quantiles.
    """

    test: dict[str, Scores | None]
    cut_off: dict[str, CutOff]
    constant_width: Annotated[Errors | None, IF_KNOWN] = None

    @computed_field  # type: ignore[prop-decorator]
    @property
    def beaten_by(self) -> str | None:
        """The best simple method if its test error is below that of the integers, else None."""
        return beaten_by(self.test, "integer")


@dataclass(frozen=True)
class Report:
    """The results of a whole run.

    Attributes:
        schema_version: Version of the fields of ``report.json``.
        narrowcast: Version of narrowcast.
        configuration: All keys of the configuration, as a TOML file without the folder of the data.
        data: The table of readings.
        model: The architecture, with ``parameters`` and ``macs``.
        accuracy: Errors of all forecasters.
        history: Histories of the trainings of ``float`` and of ``qat``.
        quantization: Summaries of all quantised tensors.
        verification: Numbers of simulated windows and of mismatches.
        cycles: Clock cycles of one inference.
        lanes: Number of multiply-accumulate lanes.
        utilisation: MACs / (lanes x simulated cycles).
        clock_mhz: Clock frequency of the design, in MHz: ``usable_mhz`` of ``place_and_route``, or
            without it that of the configuration.
        latency_us: Duration of one inference at that frequency, in us.
        program: The program and the memories.
        synthesis: Resources after synthesis.
        place_and_route: Results of place and route; None if the design was not placed.
        estimate: Estimated cost.
        duty_cycle: Energy and battery life by interval of the forecasts, estimated.
        microcontrollers: What an inference takes on microcontrollers, estimated.
        activity: Energy with measured toggle rates; None if they were not measured.
        seconds: Duration of each stage, in seconds.
    """

    schema_version: int
    narrowcast: str
    configuration: str
    data: DataSummary
    model: dict[str, Scalar]
    accuracy: Accuracy
    history: dict[str, History]
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
    duty_cycle: DutyCycle
    microcontrollers: tuple[MicrocontrollerCost, ...]
    activity: ActivityEstimate | None
    seconds: dict[str, float]
