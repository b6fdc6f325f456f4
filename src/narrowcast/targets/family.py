"""What is known of a family of FPGAs: primitives, costs of memories and multipliers, open tools.

Each family is one constant in a file of its own (``xc7.py``, ``ice40.py``, ``ecp5.py``).
"""

from collections.abc import Mapping
from dataclasses import dataclass

Shapes = tuple[tuple[int, int, int], ...]

ROM_WORDS = 64  # rom.vhd cuts a memory of look-up tables into blocks of so many words


@dataclass(frozen=True)
class Primitives:
    """The primitives by which yosys' netlist is counted.

    Attributes:
        logic: look-up tables in one primitive, used as logic.
        memory: the same, used as memory.
        muxes: what joins look-up tables without being one.
        flip_flops: pattern of their names.
        carry: primitive of a carry chain.
        carry_in: the port by which the chain goes on.
        block: block memory, in the unit of ``block_key``.
        block_key: name of that unit in reports.
    """

    logic: Mapping[str, int]
    memory: Mapping[str, int]
    muxes: frozenset[str]
    flip_flops: str
    carry: str
    carry_in: str
    block: Mapping[str, float]
    block_key: str


@dataclass(frozen=True)
class DspBlock:
    """A DSP block: its primitive, and its multiplier as synthesis uses it.

    The rules for products are those of yosys (``mul2dsp``) with the options that it has for each
    family: an operand wider than a port is cut into parts, from its lowest bit, and a product of
    parts that is too small is made of look-up tables instead.

    Attributes:
        primitive: its name in yosys' netlist.
        registers: its parameters that say whether there are registers: those that must all be in
            use at its inputs, any of those within, any of those at its outputs.
        output_selects: its parameters that can choose a registered output.
        wide: width of the wider signed port.
        narrow: width of the other one.
        part: bits of an operand that a part takes where the operand is wider than its port.
        headroom: 1 if both ports are signed, so that a part has a bit less, and 0 otherwise.
        least: smallest (wider, narrower) widths of operands that are given to a DSP block.
        least_product: smallest width of a product that is.
    """

    primitive: str
    registers: tuple[tuple[str, ...], tuple[str, ...], tuple[str, ...]]
    wide: int
    narrow: int
    part: int
    headroom: int
    least: tuple[int, int]
    least_product: int
    output_selects: tuple[str, ...] = ()

    def blocks(self, a_bits: int, b_bits: int) -> int:
        """Return the DSP blocks of a signed product; 0: it is made of look-up tables."""
        return self._blocks(max(a_bits, b_bits), min(a_bits, b_bits))

    def _blocks(self, a_bits: int, b_bits: int) -> int:
        """Count them with the first operand at the wide port."""
        wider, narrower = max(a_bits, b_bits), min(a_bits, b_bits)
        too_small = wider < self.least[0] or narrower < self.least[1]
        if too_small or a_bits + b_bits < self.least_product:
            return 0
        step = self.part - self.headroom
        if a_bits > self.wide:
            count = (a_bits - self.wide + step - 1) // step
            rest = self._blocks(a_bits - count * step, b_bits)
            return count * self._blocks(self.part, b_bits) + rest
        if b_bits > self.narrow:
            count = (b_bits - self.narrow + step - 1) // step
            rest = self._blocks(a_bits, b_bits - count * step)
            return count * self._blocks(a_bits, self.part) + rest
        return 1


@dataclass(frozen=True)
class DistributedRam:
    """Look-up tables as memory with one write and one read port.

    Attributes:
        shapes: (words, bits, look-up tables) of each primitive, the shallowest first.
        choice: look-up tables that each bit takes for every primitive more in depth.
    """

    shapes: Shapes
    choice: float

    @property
    def depth(self) -> int:
        """Words of the deepest primitive."""
        return self.shapes[-1][0]

    def primitives_luts(self, words: int, width: int) -> int:
        """Return the look-up tables of a memory's primitives."""
        depth, bits, luts = self._shape(words)
        return luts * self._deep(words, depth) * -(-width // bits)

    def luts(self, words: int, width: int) -> int:
        """Return the look-up tables of a memory: primitives, and the choice among them."""
        further = self._deep(words, self._shape(words)[0]) - 1
        return self.primitives_luts(words, width) + int(width * further * self.choice)

    def _shape(self, words: int) -> tuple[int, int, int]:
        return next((s for s in self.shapes if words <= s[0]), self.shapes[-1])

    @staticmethod
    def _deep(words: int, depth: int) -> int:
        """Return how many primitives lie behind each other: a power of two."""
        return 1 << (-(-words // depth) - 1).bit_length()


@dataclass(frozen=True)
class PlaceAndRoute:
    """nextpnr for a family, and the packer that makes the bitstream.

    Attributes:
        package: of Python, that brings the tools along.
        placer: nextpnr's name.
        constraints: its option for the file of constraints.
        routed: its option for the result.
        packer: name of the tool that makes the bitstream.
        bitstream: ending of the bitstream's file.
        cells: names in its report of ``lut``, ``bram``, ``dsp`` and ``ff``.
        flip_flops: pattern of its log by which flip-flops are counted if the report has none.
    """

    package: str
    placer: str
    constraints: str
    routed: str
    packer: str
    bitstream: str
    cells: Mapping[str, str]
    flip_flops: str | None = None


@dataclass(frozen=True)
class Family:
    """A family of FPGAs.

    Attributes:
        name: as device files and files of points have it.
        primitives: of yosys' netlist.
        lut_inputs: of a look-up table.
        wide_muxes: whether fabric beside the look-up tables joins them to deeper ones.
        distributed_ram: look-up tables as memory; None: there is no such thing.
        block_name: the smallest block memory.
        block_shapes: (words, bits, blocks) of each shape that block memory can take.
        block_unit: one of it in the unit of ``primitives.block_key``.
        dsp_block: of the devices that have any; None: the family has none.
        synthesis: yosys' command.
        vivado: whether Vivado knows it.
        place_and_route: None: there are no open tools.
    """

    name: str
    primitives: Primitives
    lut_inputs: int
    wide_muxes: bool
    distributed_ram: DistributedRam | None
    block_name: str
    block_shapes: Shapes
    block_unit: float
    dsp_block: DspBlock | None
    synthesis: str
    vivado: bool
    place_and_route: PlaceAndRoute | None

    def choice_luts(self, sources: int) -> int:
        """Return the look-up tables that choose one bit among so many."""
        of_table = 4 if self.lut_inputs >= 6 else 2  # data inputs beside the selection
        return -(-(sources - 1) // (of_table - 1))

    def column_luts(self, words: int) -> int:
        """Return the look-up tables that hold one bit of so many words, up to ``ROM_WORDS``."""
        parts = -(-words // (1 << self.lut_inputs))
        return parts if self.wide_muxes else parts + self.choice_luts(parts)

    def rom_luts(self, words: int, width: int) -> int:
        """Return the look-up tables of a read-only memory, whatever its contents."""
        whole, rest = divmod(words, ROM_WORDS)
        columns = whole * self.column_luts(ROM_WORDS) + (self.column_luts(rest) if rest else 0)
        return width * (columns + self.choice_luts(whole + bool(rest)))
