"""Selects the array of lanes with the best design that fits a device."""

import math
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass, field, replace
from functools import partial
from typing import Protocol

from narrowcast.compile.compilation import Compilation
from narrowcast.compile.design import Design, compile_array, too_large
from narrowcast.compile.epilogue import epilogue_dsp
from narrowcast.compile.lanes import (
    LaneArray,
    LaneKind,
    is_grouped,
    modes_of,
    narrow_widths,
    table_lane,
)
from narrowcast.compile.program import EngineGraph, Store, engine_graph, least_cycles
from narrowcast.compile.ranges import MOST_LANES
from narrowcast.compile.state_access import check_state_access
from narrowcast.compile.timing import SHIFTED_RESULTS
from narrowcast.errors import UserError
from narrowcast.integer.analysis import analyse
from narrowcast.integer.model import Context, IntegerModel, Linear, Scores
from narrowcast.targets.device import Device

NARROW_WEIGHTS = 6  # greatest width in bits of weights for lanes made of look-up tables
ANY_WIDTH = 99
LEAST_COLUMNS = 8
LEAST_BITS = 2  # of operands
TRIED = 3  # arrays that are scheduled before the choice
MOST_PLACED = 1 << 17  # jobs of all arrays that are tried
IDLE_LANES = 48  # power of the rest of the engine, roughly, in units of a lane's
# The same for a stream, in which a lane has less to do: so fewer cycles count for more. With this,
# the chosen arrays have the least energy of those that were tried, or 1 % more, as estimated.
IDLE_LANES_OF_STREAM = 168
# Share of a device's look-up tables for the products of lanes, where it has DSP blocks. The sums,
# caches and multiplexers of the lanes take nearly twice as much again, and a device that is nearly
# full is routed very slowly.
TABLES_BESIDE_DSP = 0.2
_SMALLER = (
    "lower quantization.bits, model.channels or model.ffn_channels, or take a larger "
    "hardware.device"
)


@dataclass(frozen=True)
class HardwareOptions:
    """Hardware options; the compiler chooses those that are None.

    Attributes:
        lanes: Multiply-accumulates per clock cycle. By default, the design that fits with the least
            product of cycles and power.
        storage: ``block``, ``distributed`` or ``auto``, by buffer or by group of buffers: weights,
            activations, keys, values, softmax, parameters, exponentials, program. Weights may be in
            ``spram``, into which a host loads them; with ``auto`` they are if the design does not
            fit otherwise.
        ways: Rows processed at the same time, 1 or 2. By default 2 if weights have at most 6 bits;
            for wider weights, if that is faster with as many lanes as one way has. Of a stream, two
            ways have every other column of the only row each; by default, if the design fits and
            takes less energy.
        pairs: Whether two lanes share a DSP block. By default, if its ports are wide enough for the
            model's operands.
        tables: Whether the second way's lanes are made of look-up tables. By default, if there are
            not enough DSP blocks.
        state_access: Whether a host can read the states of a stream and put them back.
    """

    lanes: int | None = None
    storage: Mapping[str, str] = field(default_factory=dict)
    ways: int | None = None
    pairs: bool | None = None
    tables: bool | None = None
    state_access: bool = False


class Area(Protocol):
    """Estimated resources of a design, as by ``narrowcast.estimate``."""

    @property
    def lut(self) -> int:
        """Number of look-up tables."""

    @property
    def ff(self) -> int:
        """Number of flip-flops."""

    @property
    def cells(self) -> int:
        """Number of cells that look-up tables are packed into; 0 if they are not counted."""

    def share(self, device: Device) -> float:
        """Return the used fraction of the device's cells, tables or flip-flops, the largest one."""

    def fits(self, device: Device) -> bool:
        """Return whether the design fits the device even if the estimate is off by its bound."""


AreaModel = Callable[[Design], Area]


def compile_model(
    model: IntegerModel,
    device: Device,
    area: AreaModel,
    options: HardwareOptions | None = None,
) -> Design:
    """Compile for a device.

    Args:
        model: The integer model.
        device: The device, whose resources are the budget.
        area: Estimate of what the design takes, such as ``narrowcast.estimate.area``.
        options: Hardware options.

    Raises:
        UserError: The model is not valid, the engine cannot run it, or it does not fit the device.
            The message names the operation or resource, the excess, and possible remedies.
    """
    design = best_design(model, device, area, options)
    found = area(design)
    for name, need, have in (
        ("LUT", found.lut, device.lut),
        ("FF", found.ff, device.ff),
        ("logic cells", found.cells, device.lut),
    ):
        if need > have:
            raise too_large(device, need, have, f"{name} (estimated)", _SMALLER)
    return design


def best_design(
    model: IntegerModel,
    device: Device,
    area: AreaModel,
    options: HardwareOptions | None = None,
) -> Design:
    """Compile as :func:`compile_model` does, even if look-up tables or flip-flops are too few.

    The result is the first design that fits even if its area is off by its error bound. If there is
    none, it is the one with the least area by the bare estimates.

    Raises:
        UserError: DSP blocks or block memories are too few, or the engine cannot run the model.
    """
    options = options or HardwareOptions()
    _check(device, options)
    try:
        analysis = analyse(model)
    except ValueError as error:
        raise UserError(f"no valid integer model: {error}") from None
    compilation = Compilation(engine_graph(analysis), device)
    if options.state_access:
        check_state_access(model, compilation.graph)
    _check_size(compilation, options.storage.get("weights", "auto"))
    compiled = partial(
        compile_array,
        compilation,
        model=model,
        access=options.state_access,
    )
    tried, storage = arrays(compilation, options), options.storage
    best, least = _first_that_fits(tried, partial(compiled, storage=storage), area, device)
    if least > 1 and device.spram and storage.get("weights", "auto") == "auto":
        loaded = {**storage, "weights": "spram"}
        with suppress(UserError):
            other, share = _first_that_fits(tried, partial(compiled, storage=loaded), area, device)
            if share < least:
                best, least, storage = other, share, loaded
    if compilation.schedule(best.array, thorough=True).cycles == best.cycles:
        return best
    try:  # another order of jobs may need a little more
        faster = compiled(best.array, thorough=True, storage=storage)
    except UserError:
        return best
    found = area(faster)
    return faster if found.share(device) <= least or found.fits(device) else best


def _first_that_fits(
    tried: Sequence[LaneArray], compiled: Callable[..., Design], area: AreaModel, device: Device
) -> tuple[Design, float]:
    """Return the first design that fits, or the one with the least area, and its share of a device.

    Raises:
        UserError: DSP blocks or memories are too few for each array; there is at least one.
    """
    best: Design | None = None
    least = math.inf
    refusal: UserError | None = None
    for array in tried:
        try:
            design = compiled(array, thorough=False)
        except UserError as error:
            refusal = error
            continue
        found = area(design)
        if found.share(device) <= least or found.fits(device):
            best, least = design, found.share(device)
        if found.fits(device):
            break
    if best is None:
        assert refusal is not None
        raise refusal
    return best, least


def arrays(compilation: Compilation, options: HardwareOptions) -> list[LaneArray]:
    """Return the arrays to try, the one with the least product of cycles and power first.

    Of a program of many jobs only the first few are tried, and the one with the fewest lanes.

    Raises:
        UserError: The device does not support the hardware options.
    """
    device, maker = compilation.device, _Maker(compilation, options)
    convolved = any(step.convolves for step in compilation.graph.linear())
    streams = compilation.graph.model.kept_rows > 0
    if convolved and options.ways == 2 and not streams:
        raise UserError(
            "hardware.ways: two ways have every other row each, and the model reads several rows "
            "at once: take 1 or 'auto', or model.kernel = 1 and model.stride = 1"
        )
    if streams and options.ways == 2 and not splits(compilation.graph):
        raise UserError(
            "hardware.ways: two ways have every other row each, or every other column of one row, "
            "and an operation of the model has an odd number of columns: take 1 or 'auto'"
        )
    found = set(maker.one_way()) if options.ways != 2 else set()
    if options.ways != 1 and streams:
        found |= set(maker.split_ways())
    elif options.ways != 1 and not convolved:
        found |= set(maker.two_ways(maker.best(found)))
    if not found and options.ways == 2 and maker.every == (0, 0):
        raise UserError(
            "hardware.ways: no operation of the model has several rows: take 1 or 'auto'"
        )
    if not found:
        raise UserError(
            f"{device.name} has {device.dsp} DSP, and {options.ways or 1} epilogues take "
            f"{(options.ways or 1) * maker.epilogue}: none are left for lanes"
        )
    idle = IDLE_LANES_OF_STREAM if streams else IDLE_LANES
    likely = sorted(found, key=lambda a: _cost(least_cycles(compilation.steps(a), a), a, idle))
    jobs = max(sum(step.rows for step in compilation.steps(a)) for a in likely)
    most = max(1, MOST_PLACED // jobs)
    tried = min(len(likely) if streams else TRIED, most)
    first = sorted(
        likely[:tried],
        key=lambda a: _cost(compilation.schedule(a, thorough=streams).cycles, a, idle),
    )
    ordered = first + likely[tried:]
    if len(ordered) <= most:
        return ordered
    least = min(ordered, key=lambda a: a.lanes)
    return [*(a for a in ordered[: max(1, most - 1)] if a != least), least]


def splits(graph: EngineGraph) -> bool:
    """Return whether two ways can have every other column of a stream's only token each.

    What is made in turn by both ways, or of each head, has an even number of columns. Sums of one
    column are made on the way. Two results can come in a clock where registers hold them, but not
    to a decision.
    """
    if not graph.model.states:
        return False
    tensors = graph.model.tensors
    running = {step.name for step in graph.runs.values()}
    in_pairs = not graph.decisions and graph.plain_words <= SHIFTED_RESULTS
    for step in graph.analysis.products:
        output = tensors[step.output]
        heads = step.heads if isinstance(step, Context) else 1
        even = isinstance(step, Scores) or step.name in running or output.columns // heads % 2 == 0
        one_by_one = graph.stores[step.output] == Store.RESULT and not in_pairs
        one_by_one = one_by_one and step.name not in running
        own_biases = isinstance(step, Linear) and graph.model.arrays[step.bias].ndim == 2
        if not even or one_by_one or own_biases or graph.analysis.rows(step) > 1:
            return False
    of_values = (
        tensors[each.context.value].columns // each.context.heads for each in graph.attentions
    )
    return not graph.sums and all(columns % 2 == 0 for columns in of_values)


def _cost(cycles: int, array: LaneArray, idle: int) -> tuple[int, int]:
    return cycles * (idle + array.lanes), -array.narrow_x


class _Maker:
    """Makes arrays of one and of two ways."""

    def __init__(self, compilation: Compilation, options: HardwareOptions) -> None:
        self.compilation, self.device, self.options = compilation, compilation.device, options
        self.analysis = compilation.graph.analysis
        widths = compilation.widths(1)
        # of a second way that takes every step with several rows; (0, 0): there is none
        self.every = narrow_widths(self.analysis, ANY_WIDTH, ANY_WIDTH)
        self.epilogue = epilogue_dsp(widths, self.device)
        self.shared = 0  # DSP blocks beside those of the ways
        if compilation.graph.runs:
            run = widths["RUNNING_X_BITS"], widths["RUNNING_W_BITS"]
            self.shared = self.device.dsp_of_product(*run)
        single = max(1, self.device.dsp_of_product(widths["X_BITS"], compilation.lane_bits))
        packed = compilation.lane_bits + compilation.field
        pair = max(1, self.device.dsp_of_product(widths["X_BITS"], packed))
        groups = compilation.groups
        attention = (s.name for s in self.analysis.products if not isinstance(s, Linear))
        self.shareable = (  # whether two lanes may share a DSP block
            pair < 2 * single
            and any(groups.values())
            and all(groups[name] > 0 for name in attention)
        )
        if options.pairs and not self.shareable:
            raise UserError(
                f"hardware.pairs: two lanes of this model do not share a DSP block of "
                f"{self.device.name}; set it to false or 'auto', or lower quantization.bits"
            )
        self.pairs = self.shareable and options.pairs is not False
        self.each = pair if self.pairs else single

    def one_way(self) -> Iterator[LaneArray]:
        """Yield arrays of one way: of DSP blocks, or of tables if that makes more lanes.

        Blocks that two lanes share make as many as are worth their power.
        """
        most = self.most_columns(1)
        for columns in self.columns(most, 1):
            yield self.make(columns, (self.kind(columns),))
        if self.device.dsp_block is not None and not self.shareable:
            for columns in self.columns(self.most_of_tables(1), 1):
                if columns > most:
                    yield self.make(columns, (_of_tables(self.device),))

    def two_ways(self, best: LaneArray | None) -> Iterator[LaneArray]:
        """Yield arrays of two ways, where DSP blocks last or weights are narrow.

        With wide weights only, both get no more lanes than the best single way, or the narrowest
        of a token's products, and at least 8 columns: they hide short sums better, for one
        epilogue more. Without DSP blocks an epilogue takes as many look-up tables as a dozen
        lanes, so there are two only if asked for.

        Raises:
            UserError: Two ways are asked for, and no operation has more than one row.
        """
        if self.device.dsp_block is None and self.options.ways is None:
            return
        dsp = self.device.dsp - 2 * self.epilogue
        if self.every == (0, 0):
            return
        most = min(best.lanes, *self.row_widths()) if best else ANY_WIDTH
        most_w = ANY_WIDTH if self.options.ways == 2 else NARROW_WEIGHTS
        tables = {
            narrow_widths(self.analysis, most_w, ANY_WIDTH),
            narrow_widths(self.analysis, NARROW_WEIGHTS, NARROW_WEIGHTS + 1),
        } - {(0, 0)}
        for columns in self.columns(self.most_columns(2), 2):
            kind = self.kind(columns)
            alike = self.make(columns, (kind, kind), self.every)
            if alike.dsp <= dsp and not self.options.tables:
                few = columns >= LEAST_COLUMNS and alike.lanes <= most
                if tables or self.options.ways == 2 or few:
                    yield alike
            elif self.options.tables is not False:
                for widths in tables:
                    yield self.make(columns, (kind, _of_tables(self.device)), widths)

    def split_ways(self) -> Iterator[LaneArray]:
        """Yield arrays of two ways, each with every other column of a token."""
        graph = self.compilation.graph
        running = {step.name for step in graph.runs.values()}
        operands = [each for name, each in self.analysis.operands.items() if name not in running]
        widths = max(each.x_bits for each in operands), max(each.w_bits for each in operands)
        if not splits(graph) or self.device.dsp_block is None:
            return
        if any(self.compilation.groups[n] == 0 for n in self.analysis.operands if n not in running):
            return
        dsp = self.device.dsp - 2 * self.epilogue - 2 * self.shared
        for columns in self.columns(2 * max(0, dsp), 2):
            kind = self.kind(columns)
            alike = replace(self.make(columns, (kind, kind), widths), split=True)
            kinds = kind, _of_tables(self.device)
            beside = replace(self.make(columns, kinds, widths), split=True)
            if alike.dsp <= dsp:
                yield alike
            elif beside.dsp <= dsp:
                yield beside

    def row_widths(self) -> set[int]:
        """Return the columns of all products with weights, of those with several rows if any."""
        linear = self.compilation.graph.linear()
        several = [step for step in linear if self.analysis.rows(step) > 1]
        tensors = self.compilation.graph.model.tensors
        return {tensors[step.output].columns for step in several or linear}

    def most_columns(self, ways: int) -> int:
        """Return how many columns the first way can have beside so many epilogues."""
        if self.device.dsp_block is None:
            return self.most_of_tables(ways)
        left = self.device.dsp - ways * self.epilogue - self.shared
        return left // self.each * (2 if self.pairs else 1)

    def most_of_tables(self, ways: int) -> int:
        """Return how many columns each way can have in look-up tables."""
        widths = self.compilation.widths(1)
        x_bits = max(each.x_bits for each in self.analysis.operands.values())
        sizes = x_bits, widths["LANE_BITS"], widths["SUM_BITS"]
        luts, _ = table_lane(*sizes, tree=_of_tables(self.device) == LaneKind.TREES)
        return _luts_for_lanes(self.device) // (ways * luts)

    def kind(self, columns: int) -> LaneKind:
        if self.device.dsp_block is None:
            return _of_tables(self.device)
        return LaneKind.PAIRS if self.pairs and columns % 2 == 0 else LaneKind.SINGLE

    def make(
        self, columns: int, kinds: tuple[LaneKind, ...], widths: tuple[int, int] = (0, 0)
    ) -> LaneArray:
        position = self.compilation.field if LaneKind.PAIRS in kinds else 0
        array = LaneArray(columns, kinds, position, *widths, blocks=self.each)
        modes = modes_of(self.analysis, array, self.compilation.groups)
        return replace(array, grouped=is_grouped(self.analysis, modes))

    def columns(self, most: int, ways: int) -> list[int]:
        """Return numbers of columns that leave few lanes idle in a row's last tile.

        They are even, for pairs and for two ways; a number of lanes that is asked for is obeyed.
        """
        if most <= 0:
            return []
        if self.options.lanes is not None:
            fits = ways == 1 or self.options.lanes % 4 == 0
            return [self.options.lanes // ways] if fits else []
        each = (
            2 if self.compilation.graph.model.kept_rows and ways == 2 else 1
        )  # a split way has half
        widths = {-(-width // (each * k)) for width in self.row_widths() for k in range(1, 9)}
        even = {-(-width // 2) * 2 for width in widths | {most - 1}}
        fitting = sorted((c for c in even if 0 < c <= most), reverse=True) or [most]
        return fitting if self.device.dsp_block is None else fitting[:6]

    def best(self, found: set[LaneArray]) -> LaneArray | None:
        steps = self.compilation.steps
        key = {a: _cost(least_cycles(steps(a), a), a, IDLE_LANES) for a in found}
        return min(found, key=lambda a: key[a], default=None)


def _luts_for_lanes(device: Device) -> int:
    """Return how many look-up tables the products of lanes may take.

    It is half of them, or the share ``TABLES_BESIDE_DSP`` where there are DSP blocks, too.
    """
    share = 0.5 if device.dsp_block is None else TABLES_BESIDE_DSP
    return int(share * device.lut)


def _of_tables(device: Device) -> LaneKind:
    """Return the kind of a device's lanes that are no DSP blocks."""
    return LaneKind.TREES if device.family.adder_trees else LaneKind.TABLES


def most_lanes(device: Device) -> int:
    """Return how many lanes the arrays that are tried on a device have at most, of any model.

    DSP blocks make two lanes each, and as many of a second way are look-up tables; or all lanes are
    look-up tables, which operands of the least width take fewest of.
    """
    tree = _of_tables(device) == LaneKind.TREES
    luts, _ = table_lane(LEAST_BITS, LEAST_BITS, 2 * LEAST_BITS, tree=tree)
    return min(MOST_LANES, max(4 * device.dsp, _luts_for_lanes(device) // luts))


def _check(device: Device, options: HardwareOptions) -> None:
    """Refuse options that no array can fulfil."""
    lanes, ways = options.lanes, options.ways
    block = device.dsp_block
    for name, value, most in (("lanes", lanes, MOST_LANES), ("ways", ways, 2)):
        if value is not None and not 1 <= value <= most:
            raise UserError(f"hardware.{name}: the engine takes from 1 to {most}, not {value}")
    if options.pairs and block is None:
        raise UserError(f"hardware.pairs: {device.name} has no DSP; set it to false or 'auto'")
    if lanes is not None and ways == 2 and lanes % 4:
        raise UserError(f"hardware.lanes: two ways take a multiple of 4 lanes, not {lanes}")
    if lanes is not None and options.pairs and lanes % 2:
        raise UserError(f"hardware.lanes: pairs take an even number of lanes, not {lanes}")
    if options.tables is not None and ways == 1:
        raise UserError("hardware.second_way: there is none with hardware.ways = 1")
    if options.tables is False and block is None:
        raise UserError(f"hardware.second_way: {device.name} has no DSP; take 'tables' or 'auto'")


def _check_size(compilation: Compilation, storage: str) -> None:
    """Refuse weights that no memory of the device can hold, before anything is scheduled."""
    device, arrays_of = compilation.device, compilation.graph.model.arrays
    bits = sum(arrays_of[s.weights].size * s.weight_bits for s in compilation.graph.linear())
    if storage == "spram" or (storage == "auto" and bits <= device.spram_bits):
        return
    words, width, _ = device.block_shapes[0]
    tables = (bits - device.blocks * words * width) >> device.family.lut_inputs
    if tables > device.lut:
        raise too_large(device, tables, device.lut, "LUT (for the weights alone)", _SMALLER)
