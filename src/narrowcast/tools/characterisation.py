"""Characterisation: synthesises random models, and fits the area estimates to their resources."""

import datetime
import hashlib
import json
import shutil
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

from narrowcast.compile import Design
from narrowcast.compile.compilation import Compilation
from narrowcast.compile.design import compile_array
from narrowcast.compile.program import engine_graph
from narrowcast.compile.select import HardwareOptions, arrays
from narrowcast.errors import UserError
from narrowcast.estimate.area import Tool, fit_area, samples_file
from narrowcast.estimate.features import features
from narrowcast.estimate.samples import Sample, sample
from narrowcast.files import write_whole
from narrowcast.integer.analysis import analyse
from narrowcast.rtl import RTL
from narrowcast.targets.device import Device, check_vivado
from narrowcast.tools.attribution import counts, counts_of_instances
from narrowcast.tools.ghdl import to_verilog
from narrowcast.tools.nextpnr import packed_cells
from narrowcast.tools.process import ProgressCallback, reading
from narrowcast.tools.vivado import synthesise_instances
from narrowcast.tools.yosys import run_yosys

LEAST_SAMPLES = 8  # for a fit
_CLOCK_MHZ = 100.0  # target of Vivado


def characterise(
    device: Device,
    folder: Path,
    work: Path,
    count: int,
    progress: ProgressCallback = lambda *_: None,
    tool: Tool = "yosys",
    yosys: Path | None = None,
) -> dict[str, Any]:
    """Add samples until the file of the device's family has ``count`` of this device.

    The file is written after every sample, so that an interrupted run can be continued. A sample is
    synthesised again if its design or the VHDL has changed. The previous fit stays valid until the
    new one is complete.

    Args:
        device: Device of the random models.
        folder: Folder of the file of samples.
        work: Folder for the outputs of synthesis.
        count: Number of samples of this device. Existing ones are not removed.
        progress: Called after each sample.
        tool: Synthesis tool; each has its own file.
        yosys: Path of yosys, instead of the installed package.

    Returns:
        The content of the file: ``rtl`` (a digest of the VHDL), ``tool``, ``date``, ``points`` (the
        samples) and ``fit``.

    Raises:
        UserError: The folder cannot be written, or the tool does not support the device.
        ToolError: The tool is missing, or failed.
    """
    if tool == "vivado":
        check_vivado(device)
    if count < LEAST_SAMPLES:
        raise UserError(f"characterise takes at least {LEAST_SAMPLES} points, not {count}")
    path = folder / samples_file(device.family.name, tool)
    known = _read(path)
    if known.get("rtl") != (rtl := _sources_digest()):
        known = {"rtl": rtl} | {key: known[key] for key in ("fit",) if key in known}
    by_digest = {point["digest"]: point for point in known.get("points", ())}
    others = [p for p in by_digest.values() if p["recipe"]["device"] != device.name]
    earlier = [p for p in by_digest.values() if p["recipe"]["device"] == device.name]
    count = max(count, len(earlier))
    own: list[dict[str, Any]] = []
    for drawn, design in _designs(device):
        if len(own) == count:
            break
        point = by_digest.get(design.digest)
        if point is None:
            version, found = _synthesised(design, work, tool, yosys)
            known |= {"tool": version, "date": datetime.date.today().isoformat()}
            point = {"recipe": drawn.to_json(), "digest": design.digest, **found}
        own.append({**point, "features": features(design)})
        later = [p for p in earlier if p["recipe"]["seed"] > drawn.seed]  # not checked yet
        known["points"] = others + own + later
        _write(path, known)
        shape = f"{drawn.shape.channels} channels, {drawn.shape.window} rows"
        progress(len(own), count, f"samples, {shape}")
    known["points"] = others + own
    known["fit"] = fit_area(known["points"])
    _write(path, known)
    return known


def _write(path: Path, document: Mapping[str, Any]) -> None:
    write_whole(path, json.dumps(document, separators=(",", ":")) + "\n")


def _designs(device: Device) -> Iterator[tuple[Sample, Design]]:
    """Yield random models that can be compiled for a device, without end."""
    seed = 0
    while True:
        drawn = sample(device, seed)
        seed += 1
        try:
            yield drawn, fastest_design(drawn, device)
        except UserError:
            continue


def fastest_design(drawn: Sample, device: Device) -> Design:
    """Compile for the fastest array, whatever its area, so that the sample does not depend on a
    fit.

    Raises:
        UserError: The model cannot be compiled for the device.
    """
    model, options = drawn.model(), HardwareOptions(**drawn.hw)
    compilation = Compilation(engine_graph(analyse(model)), device)
    refusals = []
    for array in arrays(compilation, options):
        try:
            return compile_array(compilation, array, options.storage, model, thorough=True)
        except UserError as refusal:
            refusals.append(refusal)
    raise refusals[0]


def _synthesised(
    design: Design, work: Path, tool: Tool, yosys: Path | None
) -> tuple[str, dict[str, Any]]:
    """Return the tool's version, and what the design takes.

    That is ``lut`` and ``ff`` of each part, and ``cells`` of the whole design if the family has
    ``logic_cells`` and the look-up tables fit the device.
    """
    shutil.rmtree(work, ignore_errors=True)
    rtl, device = work / "rtl", design.device
    design.write_rtl(rtl)
    if tool == "vivado":
        version, instances = synthesise_instances(rtl, device, _CLOCK_MHZ, work / tool)
        return version, counts_of_instances(instances)
    verilog = to_verilog(rtl, work / tool)
    version, netlist = run_yosys(verilog, "engine", device, yosys)
    with reading("yosys", "netlist"):
        found: dict[str, Any] = counts(netlist, device.family)
    # designs beyond the device have other shares of flip-flops in cells of their own
    if device.family.logic_cells and sum(found["lut"].values()) <= device.lut:
        found["cells"] = packed_cells(verilog.with_name("engine.json"), device)
    return version, found


def _sources_digest() -> str:
    """Return the SHA-256 of the hand-written sources."""
    sources = b"".join(path.read_bytes() for path in sorted(RTL.glob("*.vhd")))
    return hashlib.sha256(sources).hexdigest()


def _read(path: Path) -> dict[str, Any]:
    try:
        document: Any = json.loads(path.read_bytes())
    except FileNotFoundError:
        return {}
    except ValueError:
        document = None
    if not _well_formed(document):
        raise UserError(f"{path}: is not a file of samples: delete it and run again")
    return dict(document)


def _well_formed(document: Any) -> bool:
    """Return whether the content of a file of samples has all fields that are read."""
    points = document.get("points", []) if isinstance(document, dict) else None
    return isinstance(points, list) and all(
        isinstance(point, dict)
        and isinstance(point.get("digest"), str)
        and isinstance(point.get("recipe"), dict)
        and isinstance(point["recipe"].get("device"), str)
        and isinstance(point["recipe"].get("seed"), int)
        and all(isinstance(point.get(key), dict) for key in ("features", "lut", "ff"))
        for point in points
    )
