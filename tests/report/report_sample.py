"""A made-up run, as the stages would hand it to the report."""

from collections.abc import Mapping, Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from narrowcast.compile import Buffer, StepCost
from narrowcast.compile.summary import ArraySummary, CompileResults
from narrowcast.data import Labels
from narrowcast.estimate import estimate_model
from narrowcast.estimate.power import Rates
from narrowcast.integer.builder import Shape
from narrowcast.integer.random_model import random_model
from narrowcast.report import Report, build_report
from narrowcast.report.schema import MODELS
from narrowcast.targets.device import load_device
from narrowcast.tools.netlist import LongestPath
from narrowcast.tools.nextpnr import CriticalPath, Placement
from narrowcast.tools.verification import Checked, Cycles, MeasuredRates, VerifyResults
from narrowcast.tools.yosys import Synthesis
from narrowcast.training_records import (
    CutOff,
    DataSummary,
    Errors,
    History,
    Quantization,
    QuantizeResults,
    TensorSummary,
    TrainResults,
    Windows,
)

BUDGET = {"lut": 8000.0, "ff": 16000.0, "bram36": 10.0, "dsp": 20.0}
CONFIGURATION = '[data]\npath = "made-up.csv"\nwindow = 12\n'
HISTORY = History((1.0, 0.5), (0.9, 0.6), best=1)
LONG_HISTORY = History(
    loss=tuple(1 / (1 + epoch) for epoch in range(30)),
    validation_error=tuple(0.5 + 0.4 * 0.9**epoch for epoch in range(30)),
    best=26,
)
ARCHITECTURE = {
    "window": 12,
    "inputs": 3,
    "channels": 32,
    "layers": 2,
    "heads": 2,
    "ffn_channels": 128,
    "outputs": 1,
}
DATA = DataSummary(
    file="made-up.csv",
    rows=5000,
    inputs=("temperature", "humidity", "light"),
    target="temperature",
    lead=1,
    outputs=1,
    missing={"temperature": 3, "humidity": 0, "light": 0},
    windows=Windows(3400, 600, 960, skipped_gaps=12, skipped_missing=28, skipped_straddling=5),
)
TRAINING = TrainResults(
    data=DATA,
    test={
        "float": Errors(0.5123, 0.3911),
        "persistence": Errors(1.0312, 0.8099),
        "seasonal_naive": Errors(0.9021, 0.7001),
        "nlinear": Errors(0.6611, 0.5003),
        "ridge": Errors(0.6441, 0.4903),
        "ridge_quadratic": Errors(0.6020, 0.4611),
    },
    history=HISTORY,
)
CUT_OFF = {
    "train": CutOff({"temperature": 0.0, "humidity": 0.001, "light": 0.0}, 0.0),
    "validation": CutOff({"temperature": 0.0, "humidity": 0.002, "light": 0.0}, 0.0),
    "test": CutOff({"temperature": 0.0312, "humidity": 0.0, "light": 0.0}, 0.004),
}
MEASURED = MeasuredRates("GHDL 2.0.0", 2, Rates(lanes=0.35, memories=0.46, rest=0.13, clocks=40139))
VERIFICATION = VerifyResults(
    verilator=Checked(960, 0),
    ghdl=Checked(2, 0),
    cycles=Cycles(20063, 20063),
    activity=MEASURED,
)
SYNTHESIS = Synthesis(
    tool="yosys 0.70",
    device="xc7s15",
    lut=3251,
    ff=1893,
    dsp=18,
    budget=BUDGET,
    bram36=5.5,
    longest_path=LongestPath(
        5, "collect.ahead[2]", "maximum.largest[3]", ("FDRE", *["LUT6"] * 5, "FDRE")
    ),
)
PLACEMENT = Placement(
    tool="nextpnr-ice40 0.11.1",
    device="up5k",
    board="iCEBreaker",
    clock_mhz=12.0,
    fmax_mhz=38.65,
    lut=3104,
    ff=1742,
    bram=29,
    dsp=3,
    critical_path=CriticalPath(
        25.87, 8.77, 8, "accelerator.collect.ahead[1]", "accelerator.collect.column"
    ),
    bitstream=Path("board/serial_top.bin"),
    netlist=Checked(2, 0),
)


def _tensor(name: str, scheme: Any, lowest: float, error: float | None) -> TensorSummary:
    return TensorSummary(
        name=name,
        bits=4,
        scheme=scheme,
        scale=0.11,
        zero_point=0 if scheme == "symmetric" else -8,
        lowest=lowest,
        highest=1.3,
        error=0.0812,
        error_symmetric=error,
        error_asymmetric=error and 0.08,
        edges=(-0.4, 1.6),
        counts=(1, 0, 40, 13),
    )


TENSORS = (
    _tensor("embed.weights", "symmetric", -1.3, None),
    _tensor("embed.output", "asymmetric", 0.0, 0.2345),
)
STEPS = ("embed", "layers.0.key", "layers.0.ffn_up", "layers.1.ffn_down", "head")
PROGRAM = CompileResults(
    lanes=16,
    cycles=20063,
    utilisation=0.7,
    state_access=False,
    interface="uart",
    array=ArraySummary(ways=1, columns=16, kinds=("pairs",), grouped=False),
    steps=tuple(
        StepCost(
            name=name,
            rows=12,
            tiles=2,
            inner=32,
            macs=9500 + 90 * i,
            cycles=800 + 37 * i,
            utilisation=0.7,
            lost={"operand": 30, "collector": 7} if i else {},
        )
        for i, name in enumerate(STEPS)
    ),
    buffers=(
        Buffer("weights_6", 1536, 96, 1, False, "block", 9, 0, "all of it finds room"),
        Buffer("scratch", 2048, 8, 1, True, "block", 1, 0, "a RAMB18 saves 341 LUT"),
        Buffer("keys", 16, 96, 1, True, "distributed", 0, 96, "as configured"),
    ),
)


def sample_report(
    *,
    training: TrainResults = TRAINING,
    verification: VerifyResults = VERIFICATION,
    synthesis: Synthesis = SYNTHESIS,
    placement: Placement | None = None,
) -> Report:
    """Return the report of a made-up run on a Spartan-7."""
    model = random_model(Shape(window=12, inputs=3, channels=32, layers=2, heads=2))
    device = load_device("xc7s15")
    rounded = Errors(0.5187, 0.3972)
    return build_report(
        configuration=CONFIGURATION,
        model=replace(model, metadata=ARCHITECTURE),
        training=training,
        accuracy=QuantizeResults(
            {"float": training.test["float"] or rounded, "qat": rounded, "integer": rounded},
            CUT_OFF,
            HISTORY,
        ),
        quantization=Quantization(TENSORS),
        program=PROGRAM,
        verification=verification,
        synthesis=synthesis,
        placement=placement,
        estimate=estimate_model(random_model(Shape(6, 4, 8), (4,)), device),
        power=device.power,
        seconds={"train": 41.2, "quantize": 33.9, "compile": 0.8, "verify": 61.0, "synth": 92.4},
    )


def placed_report(placement: Placement = PLACEMENT) -> Report:
    """The same on an iCE40UP5K."""
    budget = {"lut": 5280.0, "ff": 5280.0, "bram": 30.0, "dsp": 8.0}
    synthesis = Synthesis("yosys 0.70", "up5k", lut=2034, ff=1742, dsp=3, budget=budget, bram=29)
    return sample_report(synthesis=synthesis, placement=placement)


ACTIVITIES = ("lying", "sitting", "walking", "running")


def sample_decisions(
    classes: int = len(ACTIVITIES), windows: int = 600, *, timed: bool = True
) -> dict[str, NDArray[Any]]:
    """Return arrays of the test part of a model that recognises labels."""
    noise = np.random.default_rng(1)
    places = sample_predictions(windows, timed=timed)
    found = {name: places[name] for name in ("row", "time") if name in places}
    truth = np.arange(windows) // 25 % classes
    for name, most in (("float", 0.1), ("integer", 0.2)):
        # A window is often taken for one of the next class, seldom for one of any other.
        wrong = noise.random(windows) < most * (1 + truth) / classes
        other = np.where(noise.random(windows) < 0.8, truth + 1, noise.integers(classes))
        margin = noise.integers(0, np.where(wrong, 12, 40)) / 8
        found[name] = np.stack([np.where(wrong, other % classes, truth), margin], axis=1)
    return {"truth": truth.astype(float), **found, "qat": found["integer"]}


def report_of_labels(
    predictions: Mapping[str, NDArray[Any]],
    classes: Sequence[str] = ACTIVITIES,
) -> Report:
    """The report of a model that recognises labels, with the scores of its decisions."""
    labels, truth = Labels("activity", tuple(classes)), predictions["truth"][:, None]
    decisions = {
        **{name: predictions[name] for name in MODELS},
        "majority": np.zeros_like(truth),
        "ridge_classifier": np.where(np.arange(len(truth))[:, None] % 2, truth, 1.0),
    }
    test = {name: labels.recognition(found, truth) for name, found in decisions.items()}
    counts = labels.counts(truth)
    by_class = {
        name: {"train": 3 * count + 5, "validation": count // 2, "test": count}
        for name, count in counts.items()
    }
    windows = replace(DATA.windows, test=len(truth), skipped_mixed=47, by_class=by_class)
    data = replace(DATA, target="activity", lead=0, windows=windows, classes=tuple(classes))
    report = sample_report()
    cut_off = {part: replace(each, target=0.0) for part, each in CUT_OFF.items()}
    accuracy = replace(report.accuracy, test=dict(test), cut_off=cut_off)
    return replace(report, data=data, accuracy=accuracy)


def report_of_steps(outputs: int, windows: int, target: str = "temperature") -> Report:
    """The report of a model that forecasts several steps ahead."""
    data = replace(
        DATA, outputs=outputs, target=target, windows=replace(DATA.windows, test=windows)
    )

    def by_step(errors: Errors | None) -> Errors | None:
        steps = tuple((0.6 + 0.8 * i / outputs) for i in range(outputs))
        return errors and replace(errors, by_step=tuple(errors.rmse * step for step in steps))

    test = {name: by_step(errors) for name, errors in TRAINING.test.items()}
    report = sample_report(training=replace(TRAINING, data=data, test=test, history=LONG_HISTORY))
    known = {name: by_step(errors) for name, errors in report.accuracy.test.items()}
    tensors = tuple(
        replace(tensor, name=f"layers.{i}.{tensor.name}", counts=tuple(range(40)))
        for i in range(20)
        for tensor in TENSORS
    )
    return replace(
        report, accuracy=replace(report.accuracy, test=known), quantization=Quantization(tensors)
    )


def predictions_of_steps(outputs: int, windows: int) -> dict[str, NDArray[Any]]:
    """Return arrays of the test part of a model that forecasts several steps ahead."""
    found = sample_predictions(windows)
    for name in ("truth", "float", "integer"):
        found[name] = np.stack([np.roll(found[name], -i) for i in range(outputs)], axis=1)
    return found


def sample_predictions(windows: int = 960, *, timed: bool = True) -> dict[str, NDArray[Any]]:
    """Return arrays of the test part."""
    noise = np.random.default_rng(0)
    row = np.arange(windows) + 4000
    row[60:] += 24
    truth = 18 + 6 * np.sin(row * 2 * np.pi / 24) + noise.normal(0, 0.4, windows)
    found = {
        "truth": truth,
        "row": row,
        "float": truth + noise.normal(0, 0.5, windows),
        "integer": truth + noise.normal(0, 0.5, windows),
    }
    if timed:
        found["time"] = np.datetime64("2024-05-01", "ns").astype(np.int64) + row * 3_600_000_000_000
    return found
