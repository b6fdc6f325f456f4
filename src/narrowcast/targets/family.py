"""Description of an FPGA family: primitives, costs of memories and multipliers, open tools.

Each family is one constant in its own file (``xc7.py``, ``ice40.py``, ``ecp5.py``).
"""

from collections.abc import Mapping
from dataclasses import dataclass

Shapes = tuple[tuple[int, int, int], ...]

ROM_WORDS = 64  # words of the blocks into which rom.vhd splits a ROM made of look-up tables


@dataclass(frozen=True)
class Primitives:
    """The primitives of yosys' netlist, and how each counts.

    Attributes:
        logic: Number of look-up tables in each logic primitive.
        memory: Number of look-up tables in each distributed memory primitive.
        muxes: Primitives between look-up tables which are no look-up tables themselves.
        flip_flops: Regular expression of the names of flip-flops.
        carry: Primitive of a carry chain.
        carry_in: Its carry input port.
        block: Size of each block memory primitive, in the unit of ``block_key``.
        block_key: Name of that unit in reports.
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

    Products are split as yosys' ``mul2dsp`` splits them with the options of each family: an operand
    wider than its port is cut into parts, from the lowest bit, and a partial product that is too
    small is made of look-up tables.

    Attributes:
        primitive: Name in yosys' netlist.
        registers: Parameters that enable registers, in three groups: at the inputs, where all must
            be enabled, inside and at the outputs, where any one suffices.
        wide: Width of the wider signed port.
        narrow: Width of the narrower signed port.
        part: Width of the parts into which an operand wider than its port is cut.
        headroom: Bits of a part that are lost to the sign: 1 if both ports are signed, else 0.
        least: Least (wider, narrower) widths of the operands of a DSP block.
        least_product: Least width of the product of a DSP block.
        output_selects: Parameters that can select a registered output.
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
        """Return the DSP blocks of a signed product; 0 if it is made of look-up tables."""
        return self._blocks(max(a_bits, b_bits), min(a_bits, b_bits))

    def _blocks(self, a_bits: int, b_bits: int) -> int:
        """Return the DSP blocks with the first operand at the wide port."""
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
    """Memory made of look-up tables, with one write and one read port.

    Attributes:
        shapes: (words, bits, look-up tables) of each primitive, the shallowest first.
        choice: Look-up tables per bit of the read multiplexer, for each further primitive in depth.
    """

    shapes: Shapes
    choice: float

    @property
    def depth(self) -> int:
        """Number of words of the deepest primitive."""
        return self.shapes[-1][0]

    def primitives_luts(self, words: int, width: int) -> int:
        """Return the look-up tables of a memory without its read multiplexer."""
        depth, bits, luts = self._shape(words)
        return luts * self._deep(words, depth) * -(-width // bits)

    def luts(self, words: int, width: int) -> int:
        """Return the look-up tables of a memory: its primitives and the read multiplexer."""
        further = self._deep(words, self._shape(words)[0]) - 1
        return self.primitives_luts(words, width) + int(width * further * self.choice)

    def _shape(self, words: int) -> tuple[int, int, int]:
        return next((s for s in self.shapes if words <= s[0]), self.shapes[-1])

    @staticmethod
    def _deep(words: int, depth: int) -> int:
        """Return the number of primitives in depth, a power of two."""
        return 1 << (-(-words // depth) - 1).bit_length()


@dataclass(frozen=True)
class PlaceAndRoute:
    """nextpnr for a family, and the packer that makes the bitstream.

    Attributes:
        package: Python package that contains the tools.
        placer: Name of nextpnr's executable.
        constraints: Option of nextpnr for the file of pin constraints.
        routed: Option of nextpnr for the routed design.
        packer: Name of the tool that makes the bitstream.
        bitstream: Extension of the bitstream's file.
        cells: Names of ``lut``, ``bram``, ``dsp`` and ``ff`` in nextpnr's report.
        flip_flops: Regular expression that finds the number of flip-flops in nextpnr's log, if the
            report does not contain it.
        serial_cells: Cells that the serial interface adds to the engine, if the family has
            ``logic_cells``.
    """

    package: str
    placer: str
    constraints: str
    routed: str
    packer: str
    bitstream: str
    cells: Mapping[str, str]
    flip_flops: str | None = None
    serial_cells: int = 0


@dataclass(frozen=True)
class Family:
    """A family of FPGAs.

    Attributes:
        name: Name in device files and in the files of characterisation samples.
        primitives: Primitives of yosys' netlist.
        lut_inputs: Number of inputs of a look-up table.
        logic_cells: Whether nextpnr packs a netlist into cells, one for each look-up table and
            further ones. A device's ``lut`` is then their number.
        wide_muxes: Whether dedicated multiplexers combine look-up tables to deeper ones.
        distributed_ram: Memory made of look-up tables; None if the family has none.
        block_name: Name of the smallest block memory.
        block_shapes: (words, bits, blocks) of each configuration of the block memory.
        block_unit: Size of the smallest block memory, in the unit of ``primitives.block_key``.
        dsp_block: DSP block of the devices that have any; None if the family has none.
        synthesis: Synthesis command of yosys.
        cell_models: Folder, among the files of yosys, of ``cells_sim.v`` with models of the
            primitives for simulation. Those in ``rtl/cells/NAME.v`` take precedence.
        vivado: Whether Vivado supports the family.
        place_and_route: Open tools for place and route; None if there are none.
    """

    name: str
    primitives: Primitives
    lut_inputs: int
    logic_cells: bool
    wide_muxes: bool
    distributed_ram: DistributedRam | None
    block_name: str
    block_shapes: Shapes
    block_unit: float
    dsp_block: DspBlock | None
    synthesis: str
    cell_models: str
    vivado: bool
    place_and_route: PlaceAndRoute | None

    def choice_luts(self, sources: int) -> int:
        """Return the look-up tables of a multiplexer that selects one of ``sources`` bits."""
        of_table = 4 if self.lut_inputs >= 6 else 2  # data inputs beside the select inputs
        return -(-(sources - 1) // (of_table - 1))

    def column_luts(self, words: int) -> int:
        """Return the look-up tables of one bit of ``words`` words, at most ``ROM_WORDS``."""
        parts = -(-words // (1 << self.lut_inputs))
        return parts if self.wide_muxes else parts + self.choice_luts(parts)

    def rom_luts(self, words: int, width: int) -> int:
        """Return an upper bound of the look-up tables of a ROM, which holds for any contents."""
        whole, rest = divmod(words, ROM_WORDS)
        columns = whole * self.column_luts(ROM_WORDS) + (self.column_luts(rest) if rest else 0)
        return width * (columns + self.choice_luts(whole + bool(rest)))
