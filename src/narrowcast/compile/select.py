"""Which arrays of lanes are worth compiling for a model and a device."""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, replace

from narrowcast.compile.lanes import (
    LaneArray,
    LaneKind,
    is_grouped,
    largest_group,
    modes_of,
    narrow_widths,
    operands_of,
    table_lane,
)
from narrowcast.compile.program import least_cycles, token_tensors
from narrowcast.compile.schedule import fewest_cycles
from narrowcast.errors import UserError
from narrowcast.integer.arithmetic import MULTIPLIER_BITS
from narrowcast.integer.bounds import bounds
from narrowcast.integer.model import IntegerModel, Linear
from narrowcast.targets.device import Device

PAIR_PORT = 25  # a DSP port this wide holds two lanes with sums of any length
NARROW_WEIGHTS = 6  # bits: lanes of look-up tables are made for weights up to this
ANY_WIDTH = 99
LEAST_COLUMNS = 8
TRIED = 3  # arrays that are scheduled to find the best
IDLE_LANES = 48  # lanes whose power the rest of the engine takes, roughly


@dataclass(frozen=True)
class HardwareOptions:
    """What is asked of the hardware, as ``compile_model`` takes it; None leaves it to the compiler.

    Attributes:
        lanes: multiply-accumulates per clock. storage: of buffers, or of kinds of them.
        ways: tokens at once, 1 or 2. pairs: two lanes in a DSP block.
        tables: the second way's lanes of look-up tables.
    """

    lanes: int | None = None
    storage: Mapping[str, str] | None = None
    ways: int | None = None
    pairs: bool | None = None
    tables: bool | None = None


def epilogue_dsp(model: IntegerModel, device: Device) -> int:
    """DSP blocks that a way's epilogue takes: the sum's multiplier and the residual's."""
    biased_bits = max(bounds(model, s).biased_bits for s in model.steps)
    residuals = {s.residual for s in model.steps if isinstance(s, Linear) and s.residual}
    residual_bits = 1 + max(model.tensors[t].bits for t in residuals | token_tensors(model))
    return sum(
        device.dsp_of_product(bits, MULTIPLIER_BITS) for bits in (biased_bits, residual_bits)
    )


def takes_pairs(device: Device) -> bool:
    """Whether two lanes fit into one of the device's DSP blocks."""
    return device.dsp_block is not None and device.dsp_block.wide >= PAIR_PORT


def lane_bits(model: IntegerModel) -> int:
    """Width of the widest lane operand."""
    return max(operands_of(model, s).w_bits for s in model.steps)


def arrays(model: IntegerModel, device: Device, options: HardwareOptions) -> list[LaneArray]:
    """Return the arrays to try, the least product of cycles and power first.

    Raises:
        UserError: the device cannot have what is asked for.
    """
    _check(device, options)
    maker = _Maker(model, device, options)
    found = set(maker.one_way()) if options.ways != 2 else set()
    if options.ways != 1:
        found |= set(maker.two_ways(maker.best(found)))
    if not found:
        raise UserError(
            f"{device.name} has {device.dsp} DSP, and {options.ways or 1} epilogues take "
            f"{(options.ways or 1) * maker.epilogue}: none are left for lanes"
        )
    likely = sorted(found, key=lambda a: _cost(least_cycles(model, a), a))
    first = sorted(likely[:TRIED], key=lambda a: _cost(fewest_cycles(model, a), a))
    return first + likely[TRIED:]


def _cost(cycles: int, array: LaneArray) -> tuple[int, int]:
    return cycles * (IDLE_LANES + array.lanes), -array.narrow_x


class _Maker:
    """Makes arrays of one and of two ways."""

    def __init__(self, model: IntegerModel, device: Device, options: HardwareOptions) -> None:
        self.model, self.device, self.options = model, device, options
        self.epilogue = epilogue_dsp(model, device)
        self.field = device.dsp_block.wide - lane_bits(model) if device.dsp_block else 0
        self.pairs = (
            takes_pairs(device)
            and options.pairs is not False
            and all(
                largest_group(operands_of(model, s), self.field) > 0
                for s in model.steps
                if not isinstance(s, Linear)
            )
        )

    def one_way(self) -> Iterator[LaneArray]:
        for columns in self.columns(self.most_columns(1), 1):
            yield self.make(columns, (self.kind(columns),))

    def two_ways(self, best: LaneArray | None) -> Iterator[LaneArray]:
        """Yield arrays of two ways, where DSP blocks last or weights are narrow.

        With wide weights only, both get no more lanes than the best single way, or a token's
        channels, and at least 8 columns: they hide short sums better, for one epilogue more.
        Without DSP blocks an epilogue takes as many look-up tables as a dozen lanes, so there are
        two only if asked for.
        """
        if self.device.dsp_block is None and self.options.ways is None:
            return
        dsp = self.device.dsp - 2 * self.epilogue
        every = narrow_widths(self.model, ANY_WIDTH, ANY_WIDTH)
        most = min(best.lanes, self.model.channels) if best else ANY_WIDTH
        most_w = ANY_WIDTH if self.options.ways == 2 else NARROW_WEIGHTS
        tables = {
            narrow_widths(self.model, most_w, ANY_WIDTH),
            narrow_widths(self.model, NARROW_WEIGHTS, NARROW_WEIGHTS + 1),
        } - {(0, 0)}
        for columns in self.columns(self.most_columns(2), 2):
            kind = self.kind(columns)
            alike = self.make(columns, (kind, kind), every)
            if alike.dsp <= dsp and not self.options.tables:
                few = columns >= LEAST_COLUMNS and alike.lanes <= most
                if tables or self.options.ways == 2 or few:
                    yield alike
            elif self.options.tables is not False:
                for widths in tables:
                    yield self.make(columns, (kind, LaneKind.TABLES), widths)

    def most_columns(self, ways: int) -> int:
        """Return how many columns the first way can have beside so many epilogues.

        Without DSP blocks, lanes take half of the look-up tables at most.
        """
        if self.device.dsp_block is not None:
            return (self.device.dsp - ways * self.epilogue) * (2 if self.pairs else 1)
        every = [operands_of(self.model, s) for s in self.model.steps]
        sum_bits = max(bounds(self.model, s).sum_bits for s in self.model.steps)
        luts, _ = table_lane(max(o.x_bits for o in every), lane_bits(self.model), sum_bits)
        return max(1, self.device.lut // (2 * ways * luts))

    def kind(self, columns: int) -> LaneKind:
        if self.device.dsp_block is None:
            return LaneKind.TABLES
        return LaneKind.PAIRS if self.pairs and columns % 2 == 0 else LaneKind.SINGLE

    def make(
        self, columns: int, kinds: tuple[LaneKind, ...], widths: tuple[int, int] = (0, 0)
    ) -> LaneArray:
        field = self.field if LaneKind.PAIRS in kinds else 0
        array = LaneArray(columns, kinds, field, *widths)
        return replace(array, grouped=is_grouped(self.model, modes_of(self.model, array)))

    def columns(self, most: int, ways: int) -> list[int]:
        """Return numbers of columns that leave few lanes idle in a row's last tile.

        They are even, for pairs and for two ways; a number of lanes that is asked for is obeyed.
        """
        if most <= 0:
            return []
        if self.options.lanes is not None:
            fits = ways == 1 or self.options.lanes % 4 == 0
            return [self.options.lanes // ways] if fits else []
        of_model = (self.model.channels, self.model.ffn_channels)
        widths = {-(-width // k) for width in of_model for k in range(1, 9)}
        even = {-(-width // 2) * 2 for width in widths | {most - 1}}
        fitting = sorted((c for c in even if 0 < c <= most), reverse=True) or [most]
        return fitting if self.device.dsp_block is None else fitting[:6]

    def best(self, found: set[LaneArray]) -> LaneArray | None:
        key = {a: _cost(least_cycles(self.model, a), a) for a in found}
        return min(found, key=lambda a: key[a], default=None)


def _check(device: Device, options: HardwareOptions) -> None:
    """Refuse options that no array can fulfil."""
    lanes, ways = options.lanes, options.ways
    block = device.dsp_block
    if options.pairs and not takes_pairs(device):
        raise UserError(
            f"hardware.pairs: a DSP port of {device.name} has {block.wide} bits, and "
            f"two lanes take {PAIR_PORT}; set it to false or 'auto'"
            if block
            else f"hardware.pairs: {device.name} has no DSP; set it to false or 'auto'"
        )
    if lanes is not None and ways == 2 and lanes % 4:
        raise UserError(f"hardware.lanes: two ways take a multiple of 4 lanes, not {lanes}")
    if lanes is not None and options.pairs and lanes % 2:
        raise UserError(f"hardware.lanes: pairs take an even number of lanes, not {lanes}")
    if options.tables is not None and ways == 1:
        raise UserError("hardware.second_way: there is none with hardware.ways = 1")
    if options.tables is False and block is None:
        raise UserError(f"hardware.second_way: {device.name} has no DSP; take 'tables' or 'auto'")
