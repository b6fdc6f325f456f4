"""Description of an FPGA family: primitives, costs of memories and multipliers, open tools.

Each family is one constant in its own file (``xc7.py``, ``ice40.py``, ``ecp5.py``).
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from importlib import resources

Shapes = tuple[tuple[int, int, int], ...]

SPRAM_BITS = 16  # width of a single-port memory
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
        spram: Primitive of the single-port memory, of which a family may have none.
    """

    logic: Mapping[str, int]
    memory: Mapping[str, int]
    muxes: frozenset[str]
    flip_flops: str
    carry: str
    carry_in: str
    block: Mapping[str, float]
    block_key: str
    spram: str = ""


@dataclass(frozen=True)
class Multiplier:
    """A multiplier of a DSP block, as synthesis uses it.

    Attributes:
        wide: Width of the wider signed port.
        narrow: Width of the narrower signed port.
        part: Width of the parts into which an operand wider than its port is cut.
        headroom: Bits of a part that are lost to the sign: 1 if both ports are signed, else 0.
        least: Least widths of the operands at the wide and the narrow port.
        least_product: Least width of its product.
        blocks: Number of DSP blocks that it takes.
    """

    wide: int
    narrow: int
    part: int
    headroom: int
    least: tuple[int, int]
    least_product: int
    blocks: int = 1

    def takes(self, a_bits: int, b_bits: int) -> bool:
        """Return whether synthesis takes it for a product, the first operand at the wide port."""
        large = a_bits >= self.least[0] and b_bits >= self.least[1]
        return large and a_bits + b_bits >= self.least_product


@dataclass(frozen=True)
class DspBlock:
    """A DSP block: its primitives, and its multipliers as synthesis uses them.

    Products are split as yosys' ``mul2dsp`` splits them with the options of each family: an operand
    wider than its port is cut into parts, from the lowest bit. A product or partial product that is
    too small for one multiplier is left to the next one, and after the last to look-up tables.

    Attributes:
        primitives: Number of DSP blocks of each primitive in yosys' netlist.
        registers: Parameters that enable registers, in three groups: at the inputs, where all must
            be enabled, inside and at the outputs, where any one suffices.
        multipliers: Its multipliers, the widest first.
        output_selects: Parameters that can select a registered output.
    """

    primitives: Mapping[str, int]
    registers: tuple[tuple[str, ...], tuple[str, ...], tuple[str, ...]]
    multipliers: tuple[Multiplier, ...]
    output_selects: tuple[str, ...] = ()

    @property
    def adds_parts(self) -> bool:
        """Whether blocks add the partial products of a wide product, and not other logic."""
        return self.multipliers[0].headroom > 0

    @property
    def wide(self) -> int:
        """Width of the wider signed port of the widest multiplier."""
        return self.multipliers[0].wide

    @property
    def narrow(self) -> int:
        """Width of the narrower signed port of the widest multiplier."""
        return self.multipliers[0].narrow

    def blocks(self, a_bits: int, b_bits: int) -> int:
        """Return the DSP blocks of a signed product; 0 if it is made of look-up tables."""
        return self._blocks(max(a_bits, b_bits), min(a_bits, b_bits), self.multipliers)

    def _blocks(self, a_bits: int, b_bits: int, multipliers: Sequence[Multiplier]) -> int:
        """Return the DSP blocks with the first operand at the wide port."""
        if not multipliers:
            return 0
        first = multipliers[0]
        if not first.takes(a_bits, b_bits):
            return self._blocks(max(a_bits, b_bits), min(a_bits, b_bits), multipliers[1:])
        step = first.part - first.headroom
        if a_bits > first.wide:
            count = (a_bits - first.wide + step - 1) // step
            rest = self._blocks(a_bits - count * step, b_bits, multipliers)
            return count * self._blocks(first.part, b_bits, multipliers) + rest
        if b_bits > first.narrow:
            count = (b_bits - first.narrow + step - 1) // step
            rest = self._blocks(a_bits, b_bits - count * step, multipliers)
            return count * self._blocks(a_bits, first.part, multipliers) + rest
        return first.blocks


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

    ``{}`` in the options stands for the name of a file.

    Attributes:
        package: Python package that contains nextpnr, and the packer unless ``packer_module`` does.
        placer: Name of nextpnr's executable.
        constraints: Options of nextpnr for the file of pin constraints.
        routed: Option of nextpnr for the routed design as the packer takes it; None if it takes the
            netlist that nextpnr writes.
        packer: Name of the tool that makes the bitstream.
        bitstream: Extension of the bitstream's file.
        cells: Cells in nextpnr's report that are counted for ``lut``, ``bram``, ``spram``, ``dsp``
            and ``ff``, and how much each counts.
        packer_module: Python module that is the packer.
        packed: Options of the packer for the bitstream.
        flip_flops: Regular expression that finds the number of flip-flops in nextpnr's log, if the
            report does not contain it.
        beside: Primitives, and their outputs, whose cell a flip-flop behind them shares, if every
            other flip-flop takes a cell of its own, which nextpnr adds only after placement.
        serial_cells: Cells that the serial interface adds to the engine, if the family has
            ``logic_cells``.
        derating: Factor from the Fmax of nextpnr to one that is expected of a device.
        open_high: Regular expression of the inputs that are ones, and not zeros, if nextpnr leaves
            them open.
        told: Pins of cells whose models have to be told when they are connected, by the parameter
            ``USES_PIN``.
        output_registers: Whether block memories have registers at their outputs that yosys leaves
            unused.
    """

    package: str
    placer: str
    constraints: tuple[str, ...]
    routed: str | None
    packer: str
    bitstream: str
    cells: Mapping[str, Mapping[str, int]]
    packer_module: str | None = None
    packed: tuple[str, ...] = ("{}",)
    flip_flops: str | None = None
    beside: Mapping[str, str] = field(default_factory=dict)
    serial_cells: int = 0
    derating: float = 1.0
    open_high: str = ""
    told: tuple[str, ...] = ()
    output_registers: bool = False

    @property
    def packages(self) -> tuple[str, ...]:
        """The Python packages that contain the tools."""
        module = self.packer_module
        return (self.package, module.partition(".")[0]) if module else (self.package,)


@dataclass(frozen=True)
class CellMap:
    """Modules that replace cells in the course of synthesis.

    Attributes:
        file: Name of the file with the modules, in Verilog, in the folder of the families.
        before: Label of yosys' synthesis command in front of which they are applied.
        made_by: Commands of yosys that make the cells, if none before that label does.
        behind: Label at which the synthesis command goes on, if that is not ``before``.
    """

    file: str
    before: str
    made_by: tuple[str, ...] = ()
    behind: str | None = None

    @property
    def text(self) -> str:
        """Content of the file."""
        return (resources.files("narrowcast.targets") / self.file).read_text()


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
        spram_words: Words of the single-port memories, which begin empty, of the devices that have
            any; 0 if the family has none.
        synthesis: Synthesis command of yosys.
        cell_models: Folder, among the files of yosys, of ``cells_sim.v`` with models of the
            primitives for simulation. Those in ``rtl/cells/NAME.v`` take precedence.
        pads: Command of yosys that adds the pads of the top module's ports to the netlist of
            ``synthesis``; None if it has them, or needs none.
        cell_map: Replacement of cells in the course of ``synthesis``; None if there is none.
        wire_ps: Delay of a wire that the mapper of ``synthesis`` assumes, in ps; None: yosys' own.
            The longer wires are, the fewer look-up tables it puts in series.
        adder_trees: Whether lanes of tables add up their rows in a tree, which is faster and takes
            more tables.
        no_warning: Regular expression of the warnings of yosys about its own files; None if there
            are none.
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
    pads: str | None = None
    cell_map: CellMap | None = None
    spram_words: int = 0
    wire_ps: int | None = None
    adder_trees: bool = False
    no_warning: str | None = None

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
