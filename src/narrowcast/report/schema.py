"""What the stages find out, and ``report.json``, which ``docs/report.md`` documents by field."""

from dataclasses import dataclass
from typing import Annotated

from narrowcast.compile import Buffer, StepCost
from narrowcast.estimate import Estimate
from narrowcast.estimate.power import Energy
from narrowcast.integer.model import Scalar
from narrowcast.records import IF_KNOWN, Errors, History, TensorSummary
from narrowcast.tools.nextpnr import Placement
from narrowcast.tools.vcd import Rates
from narrowcast.tools.yosys import Synthesis

SCHEMA_VERSION = 1

FORECASTERS = ("float", "qat", "integer", "persistence", "ridge", "ridge_quadratic")


@dataclass(frozen=True)
class Windows:
    """How many windows a table gave.

    Attributes:
        train: Of the training part.
        validation: Of the validation part.
        test: Of the test part.
        skipped_gaps: Left out because of a gap in time.
        skipped_missing: Left out because of a missing value.
    """

    train: int
    validation: int
    test: int
    skipped_gaps: int
    skipped_missing: int


@dataclass(frozen=True)
class DataSummary:
    """Where the readings came from.

    Attributes:
        file: Name of the file, without its folder.
        rows: Of the table.
        inputs: Columns that go in.
        target: Column that is forecast.
        lead: Rows from the end of a window to its first target.
        outputs: Targets of a window.
        missing: Missing values by column.
        windows: What was cut from it.
    """

    file: str
    rows: int
    inputs: tuple[str, ...]
    target: str
    lead: int
    outputs: int
    missing: dict[str, int]
    windows: Windows


@dataclass(frozen=True)
class TrainResults:
    """What training in floating point found: ``training.json``.

    Attributes:
        data: The readings.
        test: Errors on the test part, of the float model and of simple forecasts; None where there
            is no forecast.
        history: Of the training.
    """

    data: DataSummary
    test: dict[str, Errors | None]
    history: History


@dataclass(frozen=True)
class QuantizeResults:
    """What fine-tuning with fake quantisation found: ``accuracy.json``.

    Attributes:
        test: Errors on the test part by forecaster: ``float``, ``qat`` and ``integer``.
        history: Of the fine-tuning.
    """

    test: dict[str, Errors]
    history: History


@dataclass(frozen=True)
class Quantization:
    """What became of every tensor: ``quantization.json``.

    Attributes:
        tensors: In order of execution.
    """

    tensors: tuple[TensorSummary, ...]


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
