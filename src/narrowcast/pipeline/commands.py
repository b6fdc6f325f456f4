"""From a table of readings to a verified accelerator: the stages and their order.

Each function takes a configuration and an output folder, does its stage unless that is done, and
returns what the stage found out. In a notebook::

    from narrowcast import load_config, pipeline
    report = pipeline.build(load_config("examples/demo.toml"), "out")

Only training and quantisation need torch, and import it when they run.
"""

import dataclasses
import hashlib
import json
import shutil
from collections.abc import Callable
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from typing import TYPE_CHECKING, Any, Literal

import numpy as np
from safetensors.numpy import load, save

from narrowcast.config import Config
from narrowcast.errors import ToolError, UserError
from narrowcast.files import write_whole
from narrowcast.integer import execute, load_model, save_model
from narrowcast.pipeline.stages import Stage, check_ready, read_state, refuse_foreign, run_stage
from narrowcast.progress import Progress

if TYPE_CHECKING:
    from narrowcast.data import Dataset
    from narrowcast.estimate import Estimate
    from narrowcast.targets.device import Device

SynthesisTool = Literal["yosys", "vivado"]
PlaceTool = Literal["nextpnr", "none"]
Results = dict[str, Any]

NAMES = ("train", "quantize", "compile", "verify", "synth", "place", "report")
FLOAT_MODEL = "float.safetensors"
INTEGER_MODEL = ("integer_model.json", "integer_model.safetensors")
PREDICTIONS = "predictions.safetensors"
TENSORS = "quantization.json"
PLACEMENT = "place_and_route.json"
BOARD = "board"  # folder of the bitstream
_BATCH = 1024
_TRACED = 2  # windows, the test part's first and last: more of them give the same toggle rates


@dataclass(frozen=True)
class Options:
    """What is not in the configuration: how to work, not what to make.

    ``place`` does not matter for a device that has no open place and route. ``activity`` measures
    toggle rates when the design is verified.
    """

    force: bool = False
    synth: SynthesisTool = "yosys"
    place: PlaceTool = "nextpnr"
    yosys: Path | None = None
    activity: bool = False
    progress: Progress = dataclasses.field(default_factory=Progress)


def train(config: Config, out: Path | str, options: Options | None = None) -> Results:
    """Train the float model; writes ``float.safetensors`` and ``training.json``."""
    return _run("train", config, out, options)


def quantize(config: Config, out: Path | str, options: Options | None = None) -> Results:
    """Fine-tune with fake quantisation; writes ``integer_model.*`` and the test forecasts."""
    return _run("quantize", config, out, options)


def compile(config: Config, out: Path | str, options: Options | None = None) -> Results:
    """Turn the integer model into VHDL; writes ``rtl/``, ``vectors/`` and ``program.json``."""
    return _run("compile", config, out, options)


def verify(config: Config, out: Path | str, options: Options | None = None) -> Results:
    """Simulate the VHDL on the test windows; writes ``verification.json``.

    With ``options.activity`` it has toggle rates, too.

    Raises:
        ToolError: A result or the number of cycles is not what was predicted.
    """
    return _run("verify", config, out, options)


def synth(config: Config, out: Path | str, options: Options | None = None) -> Results:
    """Synthesise the VHDL; writes ``synthesis.json``.

    Raises:
        UserError: The design does not fit the device (what was found is written all the same).
    """
    results = _run("synth", config, out, options)
    _check_fit(results)
    return results


def place(config: Config, out: Path | str, options: Options | None = None) -> Results:
    """Place and route the engine on a board; writes ``place_and_route.json`` and ``board/``.

    Raises:
        UserError: There is no open place and route for the device, or the routed design is slower
            than the board's clock (what was found is written all the same).
        ToolError: The design cannot be placed, or a tool failed.
    """
    from narrowcast.targets.device import load_device  # noqa: PLC0415
    from narrowcast.tools.nextpnr import board_of  # noqa: PLC0415

    board_of(load_device(config.hardware.device))
    options = dataclasses.replace(options or Options(), place="nextpnr")
    results = _run("place", config, out, options)
    _check_clock(results)
    return results


def report(config: Config, out: Path | str, options: Options | None = None) -> Results:
    """Gather what all stages found; writes ``report.json`` and ``report.html``."""
    return _run("report", config, out, options)


def build(config: Config, out: Path | str, options: Options | None = None) -> Results:
    """Run all stages and return the report.

    What does not fit is not placed.

    Raises:
        UserError: As in each stage; what can be known beforehand is checked before training.
        ToolError: As in :func:`verify`, or a tool failed.
    """
    options = options or Options()
    _check_tools(config, options)
    refuse_foreign(Path(out), stages(config, Path(out), options))
    results: dict[str, Results] = {}
    for name in NAMES:
        if name == "place" and not results["synth"]["fits"]:
            options = dataclasses.replace(options, place="none")
        if name != "place" or _is_placed(config, options):
            results[name] = _run(name, config, out, options)
    _check_fit(results["synth"])
    if "place" in results:
        _check_clock(results["place"])
    return results["report"]


def stages(config: Config, out: Path, options: Options | None = None) -> list[Stage]:
    """Return all stages in order, bound to a configuration and an output folder.

    ``place`` is among them only if the device has an open place and route, and it is wanted.
    """
    options = options or Options()
    placed = _is_placed(config, options)
    plain = config.model_dump(mode="json")
    del plain["data"]["path"]  # the content counts, and it may have moved
    source = {} if config.data.path is None else {"data": config.data.path}
    finetune = {**plain["train"]}
    del plain["train"]["finetune_epochs"]
    clock = plain["hardware"].pop("clock_mhz")
    learnt = {key: plain[key] for key in ("data", "model", "train")}
    yosys = None if options.yosys is None else str(options.yosys)
    verified = read_state(out, "verify")  # toggle rates that were asked for once are kept up
    activity = options.activity or (
        verified is not None and verified.options.get("activity") is True
    )

    def bind(function: Callable[..., Results], *rest: object) -> Callable[..., Results]:
        return lambda work, progress: function(config, out, work, progress, *rest)

    placement = Stage(
        "place",
        bind(_place, options),
        (PLACEMENT, BOARD),
        needs=("rtl",),
        settings={"hardware": {"device": config.hardware.device}},
        options={"yosys": yosys, **_code("tools", "targets")},
    )
    return [
        Stage(
            "train",
            bind(_train),
            (FLOAT_MODEL, "training.json"),
            settings=learnt,
            options=_code("data", "model"),
            files=source,
        ),
        Stage(
            "quantize",
            bind(_quantize),
            (*INTEGER_MODEL, PREDICTIONS, TENSORS, "accuracy.json"),
            needs=(FLOAT_MODEL,),
            settings={**learnt, "train": finetune, "quantization": plain["quantization"]},
            options=_code("data", "model", "quantize", "integer"),
            files=source,
        ),
        Stage(
            "compile",
            bind(_compile),
            ("rtl", "vectors", "program.json"),
            needs=(*INTEGER_MODEL, PREDICTIONS),
            settings={"hardware": plain["hardware"]},
            options=_code("integer", "compile", "rtl", "targets", "vectors.py"),
        ),
        Stage(
            "verify",
            bind(_verify, activity),
            ("verification.json",),
            needs=(*INTEGER_MODEL, "rtl", "vectors", "program.json"),
            settings={"verify": plain["verify"]},
            options={"activity": activity, **_code("integer", "compile", "tools", "rtl/testbench")},
        ),
        Stage(
            "synth",
            bind(_synth, options),
            ("synthesis.json", "vivado"),
            needs=("rtl",),
            settings={"hardware": {"device": config.hardware.device, "clock_mhz": clock}},
            options={"synth": options.synth, "yosys": yosys, **_code("tools", "targets")},
        ),
        *([placement] if placed else []),
        Stage(
            "report",
            bind(_report, placed),
            ("report.json", "report.html"),
            needs=(
                *("training.json", "accuracy.json", *INTEGER_MODEL, PREDICTIONS, TENSORS),
                *("program.json", "verification.json", "synthesis.json"),
                *([PLACEMENT, BOARD] if placed else []),
            ),
            settings={
                "hardware": {**plain["hardware"], "clock_mhz": clock},
                "data": plain["data"],
            },
            options={
                "seconds": _seconds(out, placed=placed),
                **_code("report", "estimate", "compile", "targets"),
            },
        ),
    ]


def _run(name: str, config: Config, out: Path | str, options: Options | None) -> Results:
    options = options or Options()
    out = Path(out)
    plan = stages(config, out, options)
    position = [stage.name for stage in plan].index(name)
    check_ready(out, plan[position], plan[:position])
    return run_stage(out, plan[position], options.progress, force=options.force).results


def _train(config: Config, out: Path, work: Path, progress: Progress) -> Results:  # noqa: ARG001
    from narrowcast.data import baselines, errors  # noqa: PLC0415
    from narrowcast.model import predict, save_state, train_float  # noqa: PLC0415

    dataset, summary = _dataset(config)
    _check_size(config)
    model, history = train_float(dataset, config, _epochs(progress))
    save_state(model, work / FLOAT_MODEL)
    forecast = predict(model, dataset.test.inputs, dataset)
    test = {"float": errors(forecast, dataset.test.target), **baselines(dataset)}
    results = {
        "data": summary,
        "test": {name: each and dataclasses.asdict(each) for name, each in test.items()},
        "history": dataclasses.asdict(history),
    }
    _write_json(work / "training.json", results)
    return {"test": results["test"]}


def _quantize(config: Config, out: Path, work: Path, progress: Progress) -> Results:
    from narrowcast.data import errors  # noqa: PLC0415
    from narrowcast.model import build as build_float  # noqa: PLC0415
    from narrowcast.model import load_state, predict  # noqa: PLC0415
    from narrowcast.quantize import finetune, summarise, to_integer_model  # noqa: PLC0415

    dataset, _ = _dataset(config)
    _check_size(config)
    test = dataset.test
    source = build_float(config)
    load_state(source, out / FLOAT_MODEL)
    quantised, history = finetune(source, dataset, config, _epochs(progress))
    model = to_integer_model(quantised, dataset, config.data)

    inputs = model.quantise_inputs(test.inputs)
    results = np.concatenate(
        [execute(model, inputs[i : i + _BATCH]) for i in range(0, len(inputs), _BATCH)]
    )
    forecasts = {
        "float": predict(source, test.inputs, dataset),
        "qat": predict(quantised, test.inputs, dataset),
        "integer": model.dequantise_outputs(results),
    }
    if differing := int((forecasts["qat"] != forecasts["integer"]).any(axis=1).sum()):
        raise ToolError(
            f"the integer model and the quantised one in training differ on {differing} of "
            f"{len(test)} test windows: this is an error in narrowcast, please report it"
        )
    several = {"truth": test.target, **forecasts}
    arrays = {
        **{name: y if y.shape[1] > 1 else y[:, 0] for name, y in several.items()},
        "row": test.row,
        **({} if test.time is None else {"time": test.time.as_unit("ns").asi8}),
        "inputs": inputs.astype(np.int8),
        "results": results.astype(np.int32),
    }
    tensors = [dataclasses.asdict(each) for each in summarise(quantised, dataset, config)]
    _write_json(work / TENSORS, {"tensors": tensors})
    save_model(model, work)
    packed = save({name: np.ascontiguousarray(array) for name, array in arrays.items()})
    write_whole(work / PREDICTIONS, packed)
    accuracy = {
        name: dataclasses.asdict(errors(forecast, test.target))
        for name, forecast in forecasts.items()
    }
    _write_json(work / "accuracy.json", {"test": accuracy, "history": dataclasses.asdict(history)})
    return {"test": accuracy}


def _compile(config: Config, out: Path, work: Path, progress: Progress) -> Results:  # noqa: ARG001
    from narrowcast.compile import compile_model  # noqa: PLC0415
    from narrowcast.targets.device import load_device  # noqa: PLC0415
    from narrowcast.vectors import write_vectors  # noqa: PLC0415

    model = load_model(out)
    hardware = config.hardware
    design = compile_model(model, load_device(hardware.device), **hardware.choices())
    (work / "rtl").mkdir()
    design.write_rtl(work / "rtl")
    predictions = _predictions(out)
    write_vectors(
        work / "vectors",
        model,
        predictions["inputs"].astype(np.int64),
        predictions["results"].astype(np.int64),
    )
    program = {
        "lanes": design.lanes,
        "cycles": design.cycles,
        "utilisation": design.utilisation,
        "array": {
            "ways": design.array.ways,
            "columns": design.array.columns,
            "kinds": [str(kind) for kind in design.array.kinds],
            "grouped": design.array.grouped,
        },
        "steps": [dataclasses.asdict(step) for step in design.steps],
        "buffers": [dataclasses.asdict(buffer) for buffer in design.buffers],
    }
    _write_json(work / "program.json", program)
    return {key: program[key] for key in ("lanes", "cycles", "utilisation")}


def _verify(config: Config, out: Path, work: Path, progress: Progress, activity: bool) -> Results:
    from narrowcast.tools import ghdl  # noqa: PLC0415
    from narrowcast.tools.simulate import (  # noqa: PLC0415
        simulate_ghdl,
        simulate_verilator,
        trace_ghdl,
    )
    from narrowcast.tools.vcd import read_activity  # noqa: PLC0415
    from narrowcast.vectors import read_vectors  # noqa: PLC0415

    model = load_model(out)
    inputs, expected = read_vectors(out / "vectors", model)
    predicted = _read_json(out / "program.json")["cycles"]
    few = slice(config.verify.ghdl_windows)
    results: Results = {}
    for tool, simulate, windows in (
        ("ghdl", simulate_ghdl, few),
        ("verilator", simulate_verilator, slice(None)),
    ):
        found = simulate(
            out / "rtl", model, inputs[windows], expected[windows], work / tool, progress.advanced
        )
        if found.mismatches:
            raise ToolError(
                f"{tool}: {found.mismatches} of {found.windows} windows differ from the integer "
                f"model\n{found.first_difference or ''}".rstrip()
            )
        if found.cycles != predicted:
            raise ToolError(
                f"{tool}: a window took {found.cycles} cycles, but {predicted} were predicted"
            )
        results[tool] = {"windows": found.windows, "mismatches": found.mismatches}
        results["cycles"] = {"predicted": predicted, "simulated": found.cycles}
    if activity:
        traced = np.linspace(0, len(inputs) - 1, min(_TRACED, len(inputs))).astype(int)
        path = trace_ghdl(out / "rtl", model, inputs[traced], expected[traced], work / "trace")
        results["activity"] = {
            "tool": ghdl.version(),
            "windows": len(traced),
            "rates": dataclasses.asdict(read_activity(path)),
        }
    _write_json(work / "verification.json", results)
    return results


def _synth(
    config: Config,
    out: Path,
    work: Path,
    progress: Progress,  # noqa: ARG001
    options: Options,
) -> Results:
    from narrowcast.targets.device import load_device  # noqa: PLC0415
    from narrowcast.tools.vivado import (  # noqa: PLC0415
        synthesise_vivado,
        write_vivado_project,
    )
    from narrowcast.tools.yosys import synthesise_yosys  # noqa: PLC0415

    device, clock = load_device(config.hardware.device), config.hardware.clock_mhz
    synthesise = synthesise_vivado if options.synth == "vivado" else synthesise_yosys
    found = synthesise(out / "rtl", device, clock, work / options.synth, _yosys(options))
    write_vivado_project(work / "vivado", device, clock)
    results = found.to_json()
    _write_json(work / "synthesis.json", results)
    return results


def _place(config: Config, out: Path, work: Path, progress: Progress, options: Options) -> Results:
    from narrowcast.targets.device import load_device  # noqa: PLC0415
    from narrowcast.tools.nextpnr import place  # noqa: PLC0415

    device = load_device(config.hardware.device)
    found = place(out / "rtl", device, work / "flow", _yosys(options), progress.advanced)
    (work / BOARD).mkdir()
    found.bitstream.rename(work / BOARD / found.bitstream.name)
    results = {**found.to_json(), "bitstream": f"{BOARD}/{found.bitstream.name}"}
    _write_json(work / PLACEMENT, results)
    return results


def _report(
    config: Config,
    out: Path,
    work: Path,
    progress: Progress,  # noqa: ARG001
    placed: bool,
) -> Results:
    from narrowcast.estimate import estimate_model  # noqa: PLC0415
    from narrowcast.report import build_report, render_html  # noqa: PLC0415
    from narrowcast.targets.device import load_device  # noqa: PLC0415

    hardware, model = config.hardware, load_model(out)
    device = load_device(hardware.device)
    estimate = estimate_model(model, device, hardware.clock_mhz, **hardware.choices())
    training = _read_json(out / "training.json")
    program = _read_json(out / "program.json")
    verification = _read_json(out / "verification.json")
    result = build_report(
        model=model,
        data=training["data"],
        accuracy={**training["test"], **_read_json(out / "accuracy.json")["test"]},
        quantization=_read_json(out / TENSORS),
        program=program,
        verification=verification,
        synthesis=_read_json(out / "synthesis.json"),
        place_and_route=_read_json(out / PLACEMENT) if placed else None,
        estimate=estimate.to_json(),
        activity=_activity(verification.get("activity"), estimate, device),
        clock_mhz=hardware.clock_mhz,
        seconds=_seconds(out, placed=placed),
    )
    write_whole(work / "report.json", json.dumps(result, indent=1) + "\n")
    write_whole(work / "report.html", render_html(result, _predictions(out)))
    return result


def _activity(measured: Results | None, estimate: "Estimate", device: "Device") -> Results | None:
    """Return measured toggle rates, beside those of the coefficients, and the energy with them."""
    from narrowcast.estimate.power import energy_at, factors  # noqa: PLC0415
    from narrowcast.tools.vcd import Rates  # noqa: PLC0415

    if measured is None:
        return None
    rates = Rates(**measured["rates"])
    found = energy_at(estimate.energy, rates, device.power)
    names = ("lanes", "memories", "rest")
    return {
        **measured,
        "factors": dict(zip(names, factors(rates, device.power), strict=True)),
        "energy": dataclasses.asdict(found),
        "energy_uj": found.inference_uj,
        "power_mw": found.power_mw,
    }


def _epochs(progress: Progress) -> Callable[[int, int, float], None]:
    return lambda epoch, epochs, rmse: progress.advanced(
        epoch, epochs, f"epoch {epoch} of {epochs}, validation RMSE {rmse:.4g}"
    )


def _dataset(config: Config) -> "tuple[Dataset, dict[str, Any]]":
    """Return the windows, and what there is to say of them."""
    from narrowcast.data import make_windows, read_table  # noqa: PLC0415

    table = read_table(config.data)
    dataset = make_windows(table, config.data)
    summary = {
        "file": "" if config.data.path is None else config.data.path.name,
        "rows": len(table.frame),
        "inputs": list(config.data.inputs),
        "target": config.data.target,
        "lead": config.data.lead,
        "outputs": config.data.outputs,
        "missing": table.missing,
        "windows": {
            "train": len(dataset.train),
            "validation": len(dataset.validation),
            "test": len(dataset.test),
            "skipped_gaps": dataset.skipped_gaps,
            "skipped_missing": dataset.skipped_missing,
        },
    }
    return dataset, summary


def _check_fit(synthesis: Results) -> None:
    if synthesis["fits"]:
        return
    over = [
        f"{synthesis[key]:g} {key.upper()} of {budget:g}, {synthesis[key] - budget:g} too many"
        for key, budget in synthesis["budget"].items()
        if synthesis[key] > budget
    ]
    raise UserError(
        f"the design does not fit {synthesis['device']}: it takes {'; '.join(over)}: "
        "choose fewer hardware.lanes, channels or bits, another hardware.storage, or a larger "
        "hardware.device"
    )


def _check_clock(placement: Results) -> None:
    if placement["fmax_mhz"] < placement["clock_mhz"]:
        raise UserError(
            f"the routed design reaches {placement['fmax_mhz']:g} MHz, but the clock of the "
            f"{placement['board']} is {placement['clock_mhz']:g} MHz: the bitstream will not work; "
            "choose fewer hardware.lanes, or a smaller model"
        )


def _is_placed(config: Config, options: Options) -> bool:
    from narrowcast.targets.device import load_device  # noqa: PLC0415

    device = load_device(config.hardware.device)
    return options.place != "none" and device.board is not None


def _check_size(config: Config) -> None:
    """Refuse a model that cannot fit before it is trained: an untrained one is as large."""
    from narrowcast.compile import compile_model  # noqa: PLC0415
    from narrowcast.estimate import stand_in  # noqa: PLC0415
    from narrowcast.targets.device import load_device  # noqa: PLC0415

    hardware = config.hardware
    compile_model(stand_in(config), load_device(hardware.device), **hardware.choices())


def _check_tools(config: Config, options: Options) -> None:
    """Find out before training what would otherwise stop the run after it."""
    from narrowcast.targets.device import load_device  # noqa: PLC0415
    from narrowcast.tools.process import require  # noqa: PLC0415
    from narrowcast.tools.vivado import check_vivado  # noqa: PLC0415

    for tool in ("ghdl", "verilator", "g++", "make"):
        require(tool)
    if options.synth == "vivado":
        check_vivado(load_device(config.hardware.device))
        require("vivado")
    _yosys(options)


def _yosys(options: Options) -> Path | None:
    """Return where the user's yosys is, whatever the working folder."""
    if options.yosys is None:
        return None
    found = shutil.which(options.yosys)
    if found is None:
        raise UserError(f"{options.yosys}: no such program")
    return Path(found).resolve()


@cache
def _code(*parts: str) -> dict[str, str]:
    """Digest the sources of parts of this package: other code may give other outputs."""
    digest = hashlib.sha256()
    for part in parts:
        place = Path(__file__).parents[1] / part
        for path in [place] if place.is_file() else sorted(place.rglob("*")):
            if path.suffix in {".py", ".vhd", ".cpp", ".toml", ".j2", ".json", ".pcf", ".lpf"}:
                digest.update(path.read_bytes())
    return {"code": digest.hexdigest()}


def _seconds(out: Path, *, placed: bool) -> dict[str, float]:
    names = [name for name in NAMES[:-1] if placed or name != "place"]
    states = {name: read_state(out, name) for name in names}
    return {name: state.seconds for name, state in states.items() if state is not None}


def _predictions(out: Path) -> dict[str, np.ndarray[Any, Any]]:
    arrays: dict[str, np.ndarray[Any, Any]] = load((out / PREDICTIONS).read_bytes())
    return arrays


def _read_json(path: Path) -> dict[str, Any]:
    try:
        document: dict[str, Any] = json.loads(path.read_bytes())
    except ValueError:
        raise UserError(f"{path}: is truncated or not JSON: delete it and run again") from None
    return document


def _write_json(path: Path, document: dict[str, Any]) -> None:
    write_whole(path, json.dumps(document, indent=1) + "\n")
