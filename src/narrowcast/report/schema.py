"""``report.json``, which ``docs/report.md`` documents field by field."""

from collections.abc import Mapping
from typing import Any

from narrowcast import __version__
from narrowcast.integer import IntegerModel

SCHEMA_VERSION = 1

FORECASTERS = ("float", "qat", "integer", "persistence", "ridge", "ridge_quadratic")
_MODEL = (
    *("window", "inputs", "channels", "layers", "heads", "ffn_channels"),
    *("outputs", "parameters", "macs"),
)


def build_report(
    *,
    model: IntegerModel,
    data: Mapping[str, Any],
    accuracy: Mapping[str, Mapping[str, float] | None],
    quantization: Mapping[str, Any],
    program: Mapping[str, Any],
    verification: Mapping[str, Any],
    synthesis: Mapping[str, Any],
    place_and_route: Mapping[str, Any] | None,
    estimate: Mapping[str, Any],
    activity: Mapping[str, Any] | None,
    clock_mhz: float,
    seconds: Mapping[str, float],
) -> dict[str, Any]:
    """Return the report as plain JSON.

    Args:
        model: The integer model.
        data: Where the readings came from and how many windows they gave.
        accuracy: {rmse, mae} on the test part by forecaster, None where there is no forecast.
        quantization: {tensors}: what became of every tensor, as ``quantize.summarise`` gives it.
        program: The compiler's {lanes, utilisation, array, steps, buffers}.
        verification: {verilator, ghdl: {windows, mismatches}, cycles: {predicted, simulated}}.
        synthesis: {tool, device, lut, ff, bram36 or bram, dsp, fits, budget, longest_path,
            power_mw}: the last two where the tool tells.
        place_and_route: {tool, device, fmax_mhz, lut, ff, bram, dsp, bitstream, ...}, None where
            the design is not placed.
        estimate: What the model was expected to cost, as ``Estimate.to_json`` gives it.
        activity: {tool, windows, rates, factors, energy, energy_uj, power_mw}: toggle rates of a
            simulation, and what is estimated with them; None where they were not measured.
        clock_mhz: The clock at which the latency is stated.
        seconds: By stage.

    """
    cycles = verification["cycles"]
    lanes = program["lanes"]
    return {
        "schema_version": SCHEMA_VERSION,
        "narrowcast": __version__,
        "data": dict(data),
        "model": {name: getattr(model, name) for name in _MODEL},
        "accuracy": {"test": {name: accuracy.get(name) for name in FORECASTERS}},
        "quantization": dict(quantization),
        "verification": {tool: verification[tool] for tool in ("verilator", "ghdl")},
        "cycles": cycles,
        "lanes": lanes,
        "utilisation": model.macs / (lanes * cycles["simulated"]),
        "clock_mhz": clock_mhz,
        "latency_us": cycles["simulated"] / clock_mhz,
        "program": {key: program[key] for key in ("array", "steps", "buffers")},
        "synthesis": dict(synthesis),
        "place_and_route": None if place_and_route is None else dict(place_and_route),
        "estimate": dict(estimate),
        "activity": None if activity is None else dict(activity),
        "seconds": dict(seconds),
    }
