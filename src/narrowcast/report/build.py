"""Puts the report together from what the stages found out."""

from collections.abc import Mapping

from narrowcast import __version__
from narrowcast.compile.summary import CompileResults, Program
from narrowcast.estimate import Estimate, energy_at
from narrowcast.estimate.power import factors
from narrowcast.integer import IntegerModel
from narrowcast.report.schema import (
    FORECASTERS,
    SCHEMA_VERSION,
    Accuracy,
    ActivityEstimate,
    Factors,
    Report,
)
from narrowcast.targets.device import Power
from narrowcast.tools.nextpnr import Placement
from narrowcast.tools.verification import MeasuredRates, Verification, VerifyResults
from narrowcast.tools.yosys import Synthesis
from narrowcast.training_records import Quantization, QuantizeResults, TrainResults


def build_report(
    *,
    model: IntegerModel,
    training: TrainResults,
    accuracy: QuantizeResults,
    quantization: Quantization,
    program: CompileResults,
    verification: VerifyResults,
    synthesis: Synthesis,
    placement: Placement | None,
    estimate: Estimate,
    power: Power,
    clock_mhz: float,
    seconds: Mapping[str, float],
) -> Report:
    """Return the report.

    Args:
        model: The integer model.
        training: What training found.
        accuracy: What fine-tuning found.
        quantization: What became of every tensor.
        program: What the compiler found.
        verification: What the simulations found.
        synthesis: Resources.
        placement: What place and route found; None where the design is not placed.
        estimate: What the model was expected to cost.
        power: Of the device.
        clock_mhz: The clock at which the latency is stated.
        seconds: By stage.
    """
    cycles, test = verification.cycles, {**training.test, **accuracy.test}
    measured = verification.activity
    return Report(
        schema_version=SCHEMA_VERSION,
        narrowcast=__version__,
        data=training.data,
        model={**model.metadata, "parameters": model.parameters, "macs": model.macs},
        accuracy=Accuracy({name: test.get(name) for name in FORECASTERS}),
        quantization=quantization,
        verification=Verification(verification.verilator, verification.ghdl),
        cycles=cycles,
        lanes=program.lanes,
        utilisation=model.macs / (program.lanes * cycles.simulated),
        clock_mhz=clock_mhz,
        latency_us=cycles.simulated / clock_mhz,
        program=Program(program.array, program.steps, program.buffers),
        synthesis=synthesis,
        place_and_route=placement,
        estimate=estimate,
        activity=None if measured is None else _with_energy(measured, estimate, power),
        seconds=dict(seconds),
    )


def _with_energy(measured: MeasuredRates, estimate: Estimate, power: Power) -> ActivityEstimate:
    found = energy_at(estimate.energy, measured.rates, power)
    return ActivityEstimate(
        tool=measured.tool,
        windows=measured.windows,
        rates=measured.rates,
        factors=Factors(*factors(measured.rates, power)),
        energy=found,
        energy_uj=found.inference_uj,
        power_mw=found.power_mw,
    )
