"""A compiled model: lanes, program, memory images, widths, cycles."""

import hashlib
import json
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from functools import cached_property
from pathlib import Path

from narrowcast.compile import memory
from narrowcast.compile.allocate import Addresses, allocate
from narrowcast.compile.bit_columns import BitColumns
from narrowcast.compile.buffers import (
    BLOCK_CONSTANTS,
    check_storage,
    wanted_buffers,
    without_constants,
    without_empty_columns,
)
from narrowcast.compile.compilation import Compilation
from narrowcast.compile.constants import (
    decision_constants,
    job_constants,
    job_format,
    sizes,
)
from narrowcast.compile.emit import identity_package, package
from narrowcast.compile.encode import EncodedJob, encode_jobs, encode_steps
from narrowcast.compile.epilogue import epilogue_dsp, product_cuts
from narrowcast.compile.images import Images, JobFormat, bit_columns
from narrowcast.compile.lanes import LaneArray, LaneKind
from narrowcast.compile.memory import Buffer, Segment
from narrowcast.compile.program import EngineGraph, Schedule
from narrowcast.compile.ranges import check_segments, check_steps
from narrowcast.compile.state_access import StateAccess, state_constants, state_contents
from narrowcast.compile.trace import trace_order
from narrowcast.errors import UserError
from narrowcast.files import write_whole
from narrowcast.integer.identity import Identity
from narrowcast.integer.loaded_weights import LoadedWeights
from narrowcast.integer.model import IntegerModel
from narrowcast.rtl import RTL
from narrowcast.targets.device import Device

UNNAMED = "0" * 64  # in place of the digest of a model that has no file
TRACE_ORDER = "trace.json"  # file next to the sources with the order in which the engine stores


@dataclass(frozen=True)
class StepCost:
    """The cost of one step of the program.

    Attributes:
        name: Name of the step.
        rows: Number of rows.
        tiles: Number of tiles of a job.
        inner: Number of products of a sum.
        macs: Number of multiply-accumulates.
        cycles: Clock cycles of its jobs, including waiting.
        utilisation: MACs / (lanes x cycles).
        lost: Clock cycles without an operand pair, by cause.
    """

    name: str
    rows: int
    tiles: int
    inner: int
    macs: int
    cycles: int
    utilisation: float
    lost: dict[str, int]


@dataclass(frozen=True, eq=False)
class Design:
    """A compiled model, which can be written as VHDL. Designs are compared by identity.

    Attributes:
        model: The model that was compiled.
        graph: The model rewritten for the engine.
        device: The device.
        array: The array of lanes.
        schedule: The program.
        addresses: Addresses of all data that the engine writes.
        buffers: All memories; weights have one for each bank.
        segments: Segments of the weight banks.
        dsp: Number of DSP blocks.
        constants: Numbers of ``engine_config.vhd`` by name.
        fields: Encoded steps.
        jobs: Encoded jobs.
        job_format: Widths of the fields of encoded jobs.
        images: Contents of the read-only memories, and of the weights if a host loads them.
        state_access: Where the numbers of a row of the states lie; None if a host cannot read them.
    """

    model: IntegerModel
    graph: EngineGraph
    device: Device
    array: LaneArray
    schedule: Schedule
    addresses: Addresses
    buffers: tuple[Buffer, ...]
    segments: tuple[Segment, ...]
    dsp: int
    constants: Mapping[str, int] = field(repr=False)
    fields: tuple[Mapping[str, int], ...] = field(repr=False)
    jobs: tuple[EncodedJob, ...] = field(repr=False)
    job_format: JobFormat = field(repr=False)
    images: Images = field(repr=False)
    state_access: StateAccess | None = field(repr=False)

    @property
    def lanes(self) -> int:
        """Multiply-accumulates per clock."""
        return self.array.lanes

    @property
    def cycles(self) -> int:
        """Clocks of one inference."""
        return self.schedule.cycles

    @property
    def bank_bits(self) -> tuple[int, ...]:
        """Width of the weights in each bank."""
        return self.images.bank_bits

    @property
    def loaded_weights(self) -> LoadedWeights | None:
        """The weights, if a host loads them, else None."""
        if not self.images.loaded:
            return None
        (segment,) = self.segments
        return LoadedWeights(self.digest, self.images.loaded_bytes(segment.width))

    @property
    def steps(self) -> list[StepCost]:
        """The cost of every step. The last entry is the time after the last operand pair."""
        result = []
        for index, step in enumerate(self.schedule.steps):
            jobs = self.schedule.jobs_of(index)
            lost: dict[str, int] = {}
            pauses = len(jobs) * (step.issues - step.tiles * step.inner)
            for reason, clocks in (
                *((job.reason, job.wait + job.late) for job in jobs),
                ("collector", pauses),
            ):
                if clocks:
                    lost[reason] = lost.get(reason, 0) + clocks
            cycles = sum(step.issues + job.wait + job.late for job in jobs)
            macs = step.rows * step.macs
            used = macs / (cycles * self.lanes)
            result.append(
                StepCost(*(step.name, step.rows, step.tiles, step.inner, macs, cycles, used, lost))
            )
        last = self.cycles - sum(cost.cycles for cost in result)
        result.append(StepCost("results", 1, 0, 0, 0, last, 0.0, {"pipeline": last}))
        return result

    @property
    def utilisation(self) -> float:
        """MACs / (lanes x cycles) of a whole inference."""
        return self.model.macs / (self.lanes * self.cycles)

    def write_rtl(self, folder: Path, sha256: str = UNNAMED) -> None:
        """Write the hand-written sources, the generated packages, and weights that a host loads.

        Args:
            folder: Folder of the sources.
            sha256: The digest that names the model, ``model_sha256`` of its folder. A board tells
                it to its host.
        """
        for path in RTL.glob("*.vhd"):
            write_whole(folder / path.name, path.read_bytes())
        write_whole(folder / "engine_config.vhd", self._package)
        write_whole(folder / "model_identity.vhd", identity_package(self.identity(sha256)))
        if (weights := self.loaded_weights) is not None:
            weights.write(folder, sha256)
        write_whole(folder / TRACE_ORDER, json.dumps(self.trace_order()))

    def identity(self, sha256: str) -> Identity:
        """Return what a board with this design says of itself; ``sha256`` names the model."""
        access, loaded = self.state_access is not None, self.images.loaded
        named = self.digest if loaded else sha256
        return Identity.of(self.model, named, state_access=access, loads_weights=loaded)

    def trace_order(self) -> list[tuple[str, int, int]]:
        """Return (tensor, row, column) of every stored number, in the order of storing.

        The tensors are those of ``graph``.
        """
        return trace_order(self.graph, self.schedule)

    def tables(self) -> Iterator[tuple[str, int, BitColumns]]:
        """Yield all ROMs made of look-up tables: the buffer's name, the copies, and the bits.

        The segments of a weight bank, and copies that differ, are separate entries.
        """
        banks = {f"weights, {bits} bit" for bits in self.bank_bits}
        for segment in self.segments:
            if segment.block_bits < segment.width:
                whole = self.images.bits(segment)
                rest = BitColumns(whole.words, whole.columns[segment.block_bits :])
                yield f"weights, {self.bank_bits[segment.bank]} bit", 1, rest
        listed = self._listed
        for buffer in self.buffers:
            if buffer.storage == "distributed" and not buffer.writable and buffer.name not in banks:
                if buffer.name in listed:
                    contents = bit_columns(listed[buffer.name], buffer.width)
                else:
                    contents = self.images.parameters.bits(buffer.name, buffer.width)
                for bits in contents:
                    yield buffer.name, buffer.copies // len(contents), bits

    @cached_property
    def _listed(self) -> dict[str, list[list[int]]]:
        """The words of the memories that are no parameters of the model, as those have them."""
        jobs = self.job_format.contents(self.jobs)
        return jobs | state_contents(self.state_access)

    @cached_property
    def _package(self) -> str:
        return package(
            self.array,
            self.constants,
            self.fields,
            self.segments,
            self.images,
            self._listed,
            decision_constants(self.graph),
        )

    @property
    def digest(self) -> str:
        """SHA-256 of the generated package."""
        return hashlib.sha256(self._package.encode()).hexdigest()


def compile_array(
    compilation: Compilation,
    array: LaneArray,
    storage: Mapping[str, str],
    model: IntegerModel,
    *,
    thorough: bool,
    access: bool = False,
) -> Design:
    """Compile for an array of lanes.

    Args:
        compilation: The graph and the device.
        array: The lanes.
        storage: Storage options by buffer or group of buffers.
        model: The model before it was rewritten for the engine.
        thorough: Whether to try more orders of the jobs, to save cycles.
        access: Whether a host can read states and put them back.

    Raises:
        UserError: DSP blocks or block memories are too few, or the program does not hold a number.
    """
    graph, device = compilation.graph, compilation.device
    program = compilation.schedule(array, thorough=thorough)
    addresses = allocate(graph, program, array)
    choice = storage.get("weights", "auto")
    images = compilation.images(array, loaded=choice == "spram")
    widths = compilation.widths(array.ways)
    wanted = list(wanted_buffers(compilation, array, addresses))
    fields = encode_steps(graph, program.steps, images.layout, addresses, array)
    check_steps((step.name for step in program.steps), fields)
    deepest = max(
        *(array.at_once * buffer.words for buffer, _ in wanted),
        *images.bank_words,
        *(f["lane_base"] + f["tiles_last"] * f["lane_stride"] + f["inner_last"] for f in fields),
        array.columns,
        1,
    )
    jobs = encode_jobs(graph, program, images.layout, addresses, array)
    form = job_format(jobs, len(program.steps), deepest, array)
    for name, width in (("jobs, issued", form.issue), ("jobs, collected", form.collect)):
        wanted.append((Buffer(name, len(jobs), width, 1, False, "auto", 0, 0), "program"))
    reached = None
    if access:
        reached = StateAccess.of(graph, program, addresses, array, form.address)
        wanted += reached.buffers(max(widths["KEY_BITS"], widths["VALUE_BITS"]))
    check_storage(storage, wanted)
    of_weights, buffers, segments = _placed(
        [(b, storage.get(b.name, storage.get(kind, "auto"))) for b, kind in wanted],
        *(images, array, choice, device),
    )
    check_segments(segments, images.bank_bits)
    contents = images.parameters.contents | form.contents(jobs) | state_contents(reached)
    buffers = without_constants(buffers, contents, device)
    all_buffers = tuple(of_weights + buffers)
    dsp = _dsp(array, widths, len(graph.runs), device)
    blocks, sprams = (sum(getattr(b, n) for b in all_buffers) for n in ("blocks", "sprams"))
    _check(device, dsp, blocks, sprams)
    constants = {
        **sizes(graph, array, wanted, images),
        **widths,
        **product_cuts(widths, device),
        **job_constants(form, len(jobs), array),
        **state_constants(reached),
        **dict.fromkeys(BLOCK_CONSTANTS.values(), 0),
        **{BLOCK_CONSTANTS[b.name]: int(b.storage == "block") for b in buffers},
    }
    return Design(
        model=model,
        graph=graph,
        device=device,
        array=array,
        schedule=program,
        addresses=addresses,
        buffers=all_buffers,
        segments=tuple(segments),
        dsp=dsp,
        constants=constants,
        fields=tuple(fields),
        jobs=tuple(jobs),
        job_format=form,
        images=images,
        state_access=reached,
    )


def _placed(
    wanted: list[tuple[Buffer, str]],
    images: Images,
    array: LaneArray,
    weight_choice: str,
    device: Device,
) -> tuple[list[Buffer], list[Buffer], list[Segment]]:
    """Return the weights and the other buffers with their resources, and the weights' segments.

    Args:
        wanted: Buffers other than weights, each with its storage option.
        images: The weights.
        array: The lanes.
        weight_choice: Storage option of the weights.
        device: The device.

    Raises:
        UserError: The device does not have a requested resource.
    """
    words, widths = images.bank_words, [bits * array.word_lanes for bits in images.bank_bits]
    if images.loaded:
        segment = memory.loaded_segment(sum(words), max(widths))
        buffers, _ = memory.assign_storage(wanted, [], weight_choice, device)
        return [memory.loaded_weights(segment, device)], buffers, [segment]
    segments = [
        s
        for b, width in enumerate(widths)
        for s in memory.cut_bank(b, words[b], width, device.block_shapes)
    ]
    buffers, segments = memory.assign_storage(wanted, segments, weight_choice, device)
    of_weights = memory.weight_buffers(
        *(segments, images.bank_bits, array.word_lanes, weight_choice, device)
    )
    return without_empty_columns(of_weights, segments, images), buffers, segments


def _dsp(array: LaneArray, widths: Mapping[str, int], runs: int, device: Device) -> int:
    """Return the DSP blocks of lanes, epilogues and running sums, as synthesis infers them."""
    running = widths["RUNNING_X_BITS"], widths["RUNNING_W_BITS"]
    products = [running] * (array.at_once if runs else 0)
    lane_widths = [(widths["X_BITS"], widths["LANE_BITS"]), (array.narrow_x, array.narrow_w)]
    for kind, (x_bits, w_bits) in zip(array.kinds, lane_widths, strict=False):
        if kind == LaneKind.PAIRS:
            products += [(x_bits, array.field + widths["LANE_BITS"])] * (array.columns // 2)
        elif kind == LaneKind.SINGLE:
            products += [(x_bits, w_bits)] * array.columns
    epilogues = array.ways * epilogue_dsp(widths, device)
    return epilogues + sum(device.dsp_of_product(*product) for product in products)


def _check(device: Device, dsp: int, blocks: int, sprams: int) -> None:
    """Reject a design that needs more DSP blocks or memories than the device has."""
    for name, need, have, advice in (
        ("DSP", dsp, device.dsp, "lower hardware.lanes"),
        (
            *(device.block_name, blocks, device.blocks),
            "set hardware.storage to 'auto', or lower quantization.bits",
        ),
        ("SPRAM", sprams, device.spram, "lower hardware.lanes or quantization.bits"),
    ):
        if need > have:
            raise too_large(device, need, have, name, advice)


def too_large(device: Device, need: int, have: int, name: str, advice: str) -> UserError:
    """Return the error for a model that needs too much of a resource."""
    return UserError(
        f"the model does not fit {device.name}: it needs {need:.9g} {name} of {have}, "
        f"{need - have:.9g} too many; {advice}"
    )
