"""Assembles the report from the results of all stages."""

from collections.abc import Mapping

from narrowcast import __version__
from narrowcast.compile.summary import CompileResults, Program
from narrowcast.estimate import Estimate, energy_at
from narrowcast.estimate.duty_cycle import CELL_WH, curve_intervals
from narrowcast.estimate.power import factors
from narrowcast.export import c_code
from narrowcast.export.cost import costs
from narrowcast.integer import IntegerModel
from narrowcast.report.schema import (
    MODELS,
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
    configuration: str,
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
    seconds: Mapping[str, float],
) -> Report:
    """Return the report.

    Args:
        configuration: All keys of the configuration, as TOML.
        model: The integer model.
        training: Results of training in floating point.
        accuracy: Results of fine-tuning.
        quantization: Summaries of all quantised tensors.
        program: Results of the compiler.
        verification: Results of the simulations.
        synthesis: Results of synthesis.
        placement: Results of place and route; None if the design was not placed.
        estimate: Estimated cost of the model, at the clock frequency for the latency.
        power: Coefficients of the device's power.
        seconds: Duration of each stage, in seconds.
    """
    cycles, test = verification.cycles, {**training.test, **accuracy.test}
    measured = verification.activity
    return Report(
        schema_version=SCHEMA_VERSION,
        narrowcast=__version__,
        configuration=configuration,
        data=training.data,
        model={**model.metadata, "parameters": model.parameters, "macs": model.macs},
        accuracy=Accuracy(
            {name: test[name] for name in (*MODELS, *test)},
            accuracy.cut_off,
            training.constant_width,
        ),
        history={"float": training.history, "qat": accuracy.history},
        quantization=quantization,
        verification=Verification(verification.verilator, verification.ghdl),
        cycles=cycles,
        lanes=program.lanes,
        utilisation=model.macs / (program.lanes * cycles.simulated),
        clock_mhz=estimate.clock_mhz,
        latency_us=cycles.simulated / estimate.clock_mhz,
        program=Program(program.array, program.steps, program.buffers),
        synthesis=synthesis,
        place_and_route=placement,
        estimate=estimate,
        duty_cycle=estimate.duty_cycle(curve_intervals(estimate.energy.seconds), CELL_WH),
        microcontrollers=costs(c_code(model, sha256="")),
        activity=None if measured is None else _with_energy(measured, estimate, power),
        seconds=dict(seconds),
    )


def _with_energy(measured: MeasuredRates, estimate: Estimate, power: Power) -> ActivityEstimate:
    energy = energy_at(estimate.energy, measured.rates, power)
    return ActivityEstimate(
        tool=measured.tool,
        windows=measured.windows,
        rates=measured.rates,
        factors=Factors(*factors(measured.rates, power)),
        energy=energy,
        energy_uj=energy.inference_uj,
        power_mw=energy.power_mw,
    )
