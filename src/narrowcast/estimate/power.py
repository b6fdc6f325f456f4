"""Estimates power and energy from the program and from a device's coefficients.

The program determines exactly how often the lanes multiply, how often each block memory is read or
written, and how long an inference takes. The energy of each of these is not exact: the coefficients
are in the device's file, with their sources and uncertainties. They hold for nominal toggle rates.
A simulation of the design on its own data gives measured rates.
"""

from collections.abc import Mapping
from dataclasses import dataclass, replace

from narrowcast.compile import Buffer, Design
from narrowcast.compile.encode import Destination, Source
from narrowcast.compile.program import ProgramStep
from narrowcast.targets.device import Power


@dataclass(frozen=True)
class Rates:
    """Toggles per bit and clock cycle of a simulated design.

    Attributes:
        lanes: Rate of lanes in the cycles in which they are enabled; None if no lane is a DSP
            block.
        memories: Rate of memories in the cycles in which they are read; None if none is.
        rest: Rate of all other signals in all cycles.
        clocks: Number of simulated clock cycles.
    """

    lanes: float | None
    memories: float | None
    rest: float
    clocks: int


@dataclass(frozen=True)
class Activity:
    """The activity of one inference.

    Attributes:
        cycles: Number of clock cycles.
        products: Number of products of all DSP blocks, including those of the epilogues.
        accesses: Number of reads and writes of all block memories.
    """

    cycles: int
    products: int
    accesses: int


@dataclass(frozen=True)
class Energy:
    """An estimate of power and energy.

    Attributes:
        static_mw: Static power of the device, in mW.
        lanes_uj: Dynamic energy of the DSP blocks in an inference, in uJ.
        memories_uj: Dynamic energy of the block memories in an inference, in uJ.
        rest_uj: Dynamic energy of the look-up tables and flip-flops, with their clock, in an
            inference, in uJ.
        clock_uj: Energy of the clock network in an inference, in uJ; 0 if it is part of
            ``rest_uj``.
        seconds: Duration of an inference, in seconds.
        error: Relative error of power and energy.
    """

    static_mw: float
    lanes_uj: float
    memories_uj: float
    rest_uj: float
    clock_uj: float
    seconds: float
    error: float

    @property
    def inference_uj(self) -> float:
        """Energy of an inference in uJ, including static power."""
        return self.dynamic_uj + 1000 * self.static_mw * self.seconds

    @property
    def dynamic_uj(self) -> float:
        """Dynamic energy of an inference, in uJ."""
        return self.lanes_uj + self.memories_uj + self.rest_uj + self.clock_uj

    @property
    def power_mw(self) -> float:
        """Power during an inference, in mW."""
        return self.inference_uj / 1000 / self.seconds


def energy(design: Design, luts: int, clock_mhz: float) -> Energy:
    """Estimate the energy of a design with ``luts`` look-up tables."""
    power, does = design.device.power, activity(design)
    lanes = does.products * power.product_pj / 1e6
    memories = does.accesses * power.access_pj / 1e6
    rest = does.cycles * luts * power.table_pj / 1e6
    clock = does.cycles * (power.clock_pj or 0.0) / 1e6
    seconds = does.cycles / clock_mhz / 1e6
    return _with_error(Energy(power.static_mw, lanes, memories, rest, clock, seconds, 0.0), power)


def energy_at(nominal: Energy, rates: Rates, power: Power) -> Energy:
    """Return an estimate with each dynamic term scaled by a measured toggle rate.

    Args:
        nominal: Estimate at nominal rates.
        rates: Measured rates of the design on its own data.
        power: Coefficients of the device, with their nominal rates.
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
    """Return measured / nominal rates of lanes, memories and the rest; 1 if not measured."""
    return (
        1.0 if rates.lanes is None else rates.lanes / power.lane_toggles,
        1.0 if rates.memories is None else rates.memories / power.memory_toggles,
        rates.rest / power.rest_toggles,
    )


def _with_error(energy: Energy, power: Power) -> Energy:
    static, dynamic = energy.inference_uj - energy.dynamic_uj, energy.dynamic_uj
    error = (static * power.static_error + dynamic * power.dynamic_error) / (static + dynamic)
    return replace(energy, error=round(error, 3))


def published_uj(total_uj: float, cycles: int, power: Power, seconds: float, mhz: float) -> float:
    """Convert the energy of a published inference to another clock, with the static power.

    Args:
        total_uj: Published energy, in uJ.
        cycles: Published clock cycles.
        power: Coefficients of the device.
        seconds: Published duration, in seconds.
        mhz: The other clock frequency, in MHz.
    """
    return total_uj + 1000 * power.static_mw * (cycles / mhz / 1e6 - seconds)


def activity(design: Design) -> Activity:
    """Count the products and accesses of one inference."""
    c, array, schedule = design.constants, design.array, design.schedule
    blocks = {b.name: _each(b) for b in design.buffers}
    of_way = array.dsp_of_ways
    epilogue = (design.dsp - sum(of_way)) // array.ways
    products = accesses = 0
    for index, step in enumerate(schedule.steps):
        fields = design.fields[index]
        reads, values = _reads(design, index, blocks), _values(fields, blocks)
        for job in schedule.jobs_of(index):
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
    if design.images.loaded and fields["lane_source"] < banks:
        return 0
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
    """Block memory accesses for each value.

    Attributes:
        own: Accesses in each way.
        shared: Accesses that all ways share.
    """

    own: int
    shared: int


def _values(fields: Mapping[str, int], blocks: Mapping[str, int]) -> _Values:
    """Return the accesses for a value in the epilogue and when it is stored."""
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
