"""Power and energy, estimated from what a program does and from a device's coefficients.

What happens in an inference is known exactly from the program: which lanes multiply in how many
clocks, how often each block memory is read or written, how long it takes. What each of these
takes is not: the coefficients stand in the device's file, with their sources and uncertainties.
They are meant for certain toggle rates; a simulation of the design on its own data has others.
"""

from collections.abc import Mapping
from dataclasses import dataclass, replace

from narrowcast.compile import Buffer, Design
from narrowcast.compile.encode import Destination, Source
from narrowcast.compile.lanes import LaneKind
from narrowcast.compile.program import ProgramStep
from narrowcast.targets.device import Power

DAY = 86_400.0  # seconds


@dataclass(frozen=True)
class Rates:
    """Toggles per bit and clock of a simulated design.

    Attributes:
        lanes: In the clocks in which a lane is enabled; None if there is none in a DSP block.
        memories: In those in which a memory is read; None if none is.
        rest: In all clocks.
        clocks: That were simulated.
    """

    lanes: float | None
    memories: float | None
    rest: float
    clocks: int


@dataclass(frozen=True)
class Activity:
    """What happens in one inference, in counts.

    Attributes:
        cycles: clocks. products: DSP blocks that multiply, summed over clocks; those of the
            epilogues too. accesses: block memories read or written, summed over clocks.
    """

    cycles: int
    products: int
    accesses: int


@dataclass(frozen=True)
class Energy:
    """An estimate of power and energy.

    Attributes:
        static_mw: power of the device, whether it works or not.
        lanes_uj, memories_uj, rest_uj: dynamic energy of an inference: DSP blocks, block memories,
            look-up tables and flip-flops with their clock.
        seconds: of an inference.
        error: by how much of itself the whole may be wrong.
    """

    static_mw: float
    lanes_uj: float
    memories_uj: float
    rest_uj: float
    seconds: float
    error: float

    @property
    def inference_uj(self) -> float:
        """Energy of an inference, static power included."""
        return self.dynamic_uj + 1000 * self.static_mw * self.seconds

    @property
    def dynamic_uj(self) -> float:
        """Energy of an inference without static power."""
        return self.lanes_uj + self.memories_uj + self.rest_uj

    @property
    def power_mw(self) -> float:
        """Power while an inference runs."""
        return self.inference_uj / 1000 / self.seconds

    def day_j(self, interval: float) -> float:
        """Return the energy of a day with an inference every ``interval`` seconds, in joules.

        The device stays configured in between, and takes its static power.
        """
        return DAY * (self.static_mw / 1000 + self.dynamic_uj / 1e6 / max(interval, self.seconds))

    def battery_days(self, interval: float, cell_wh: float) -> float:
        """Return how many days a cell of so many watt hours lasts, with nothing else on it."""
        return 3600 * cell_wh / self.day_j(interval)


def energy(design: Design, luts: int, clock_mhz: float) -> Energy:
    """Estimate the energy of a design with so many look-up tables."""
    power, does = design.device.power, activity(design)
    lanes = does.products * power.product_pj / 1e6
    memories = does.accesses * power.access_pj / 1e6
    rest = does.cycles * luts * power.table_pj / 1e6
    seconds = does.cycles / clock_mhz / 1e6
    return _with_error(Energy(power.static_mw, lanes, memories, rest, seconds, 0.0), power)


def energy_at(nominal: Energy, rates: Rates, power: Power) -> Energy:
    """Return an estimate with each dynamic term scaled by a measured toggle rate.

    Args:
        nominal: the estimate without measured rates.
        rates: of the design, on its own data.
        power: of the device, with the rates for which its coefficients are meant.
    """
    lanes, memories, rest = factors(rates, power)
    scaled = replace(
        nominal,
        lanes_uj=nominal.lanes_uj * lanes,
        memories_uj=nominal.memories_uj * memories,
        rest_uj=nominal.rest_uj * rest,
    )
    return _with_error(scaled, power)


def factors(rates: Rates, power: Power) -> tuple[float, float, float]:
    """Return measured rates over nominal ones: lanes, memories, rest; 1 where there is nothing."""
    return (
        1.0 if rates.lanes is None else rates.lanes / power.lane_toggles,
        1.0 if rates.memories is None else rates.memories / power.memory_toggles,
        rates.rest / power.rest_toggles,
    )


def _with_error(found: Energy, power: Power) -> Energy:
    static, dynamic = found.inference_uj - found.dynamic_uj, found.dynamic_uj
    error = (static * power.static_error + dynamic * power.dynamic_error) / (static + dynamic)
    return replace(found, error=round(error, 3))


def published_uj(total_uj: float, cycles: int, power: Power, seconds: float, mhz: float) -> float:
    """Return the energy of a published inference at another clock, by a device's static power.

    Args:
        total_uj: the published energy.
        cycles: that it took.
        power: of the device.
        seconds: that it took.
        mhz: the other clock.
    """
    return total_uj + 1000 * power.static_mw * (cycles / mhz / 1e6 - seconds)


def activity(design: Design) -> Activity:
    """Count what happens in one inference."""
    c, array, schedule = design.constants, design.array, design.schedule
    blocks = {b.name: _each(b) for b in design.buffers}
    of_way = [
        {LaneKind.PAIRS: array.columns // 2, LaneKind.SINGLE: array.columns, LaneKind.TABLES: 0}[
            kind
        ]
        for kind in array.kinds
    ]
    epilogue = (design.dsp - sum(of_way)) // array.ways
    products = accesses = 0
    for index, step in enumerate(schedule.steps):
        fields = design.fields[index]
        reads, values = _reads(design, index, blocks), _values(fields, blocks)
        for job in schedule.jobs:
            if job.step != index:
                continue
            ways = len(job.rows)
            pairs = step.tiles * step.inner
            again = 2 if fields["destination"] == Destination.TO_SOFTMAX else 1
            products += pairs * sum(of_way[:ways]) + again * step.columns * ways * epilogue
            accesses += pairs * ways * _operand(fields, blocks) + reads
            accesses += step.columns * (ways * values.own + values.shared)
            accesses += blocks["jobs, issued"] + blocks["jobs, collected"]
    accesses += c["INPUT_WORDS"] * blocks["inputs"]
    return Activity(design.cycles, products, accesses)


def _each(buffer: Buffer) -> int:
    """Return the block memories of one copy of a buffer."""
    return buffer.blocks // buffer.copies if buffer.storage == "block" else 0


def _operand(fields: Mapping[str, int], blocks: Mapping[str, int]) -> int:
    """Return the blocks that a broadcast operand is read from."""
    store = {
        Source.FROM_SCRATCH: "scratch",
        Source.FROM_TOKENS: "tokens",
        Source.FROM_INPUTS: "inputs",
        Source.FROM_POOL: "pool",
    }[Source(fields["x_source"])]
    return blocks[store]


def _reads(design: Design, index: int, blocks: Mapping[str, int]) -> int:
    """Return the accesses to weights, keys or values of one job of a step."""
    step: ProgramStep = design.schedule.steps[index]
    fields, banks = design.fields[index], len(design.bank_bits)
    pairs = step.tiles * step.inner
    if fields["lane_source"] == banks:
        return pairs * blocks["keys"] * design.constants["KEY_LANES"]
    if fields["lane_source"] == banks + 1:
        return pairs * blocks["values"] * design.constants["VALUE_LANES"]
    first, last = fields["lane_base"], fields["lane_base"] + pairs
    return sum(
        s.columns * max(0, min(last, s.first + s.words) - max(first, s.first))
        for s in design.segments
        if s.bank == fields["lane_source"]
    )


@dataclass(frozen=True)
class _Values:
    """Accesses for each value: of every way, and once for both."""

    own: int
    shared: int


def _values(fields: Mapping[str, int], blocks: Mapping[str, int]) -> _Values:
    """Return the accesses for a value on its way through the epilogue and to its place."""
    own = shared = 0
    if fields["has_residual"]:
        own += blocks["residuals"]
        shared += blocks["residual multipliers"]
    if fields["bias_per_row"]:
        own += blocks["positions"]
    elif fields["has_bias"]:
        shared += blocks["biases"]
    if fields["row_multiplier"]:
        own += blocks["row multipliers"]
    else:
        shared += blocks["multipliers"]
    places = {
        Destination.TO_SCRATCH: ("scratch",),
        Destination.TO_TOKENS: ("tokens", "residuals"),
        Destination.TO_KEYS: ("keys",),
        Destination.TO_VALUES: ("values",),
        Destination.TO_RESULT: (),
        Destination.TO_SOFTMAX: ("scores", "scores", "exponentials", "scratch"),
        Destination.TO_POOL: ("pool", "pool"),
    }
    own += sum(blocks[name] for name in places[Destination(fields["destination"])])
    return _Values(own, shared)
