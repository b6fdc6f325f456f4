"""Where everything lies: addresses by lifetime, and a memory resource for every buffer."""

from dataclasses import dataclass, replace

from narrowcast.compile.program import ProgramStep, token_tensors
from narrowcast.device import Device
from narrowcast.integer.model import Context, IntegerModel, Scores

# Words, bits and RAMB18 of each: parity bits are used where a shape has them; the last four are
# RAMB36 (UG473, table of port widths).
RAMB18_SHAPES = (
    *((512, 36, 1), (1024, 18, 1), (2048, 9, 1), (4096, 4, 1), (8192, 2, 1), (16384, 1, 1)),
    *((4096, 9, 2), (8192, 4, 2), (16384, 2, 2), (32768, 1, 2)),
)


@dataclass(frozen=True)
class Buffer:
    """One memory of the engine.

    Attributes:
        name: weights of a width, scratch, tokens, keys, values, biases, multipliers, ...
        words, width: of one copy. copies: of such memories; a cache has one for each lane.
        writable: RAM or ROM.
        storage: ``block``, ``distributed``, or ``mixed`` for a weight bank cut in two.
        ramb18: half RAMB36 used. luts: look-up tables used, estimated.
    """

    name: str
    words: int
    width: int
    copies: int
    writable: bool
    storage: str
    ramb18: int
    luts: int


@dataclass(frozen=True)
class Segment:
    """A run of words of a weight bank; see ``engine_types.vhd``."""

    bank: int
    first: int
    words: int
    column_bits: int
    width: int
    columns: int = 0

    @property
    def block_bits(self) -> int:
        """Bits of each word that lie in block memory."""
        return min(self.width, self.columns * self.column_bits)


@dataclass(frozen=True)
class MemoryPlan:
    """Base addresses of the scratch store's tensors, every buffer, and the weights' segments."""

    scratch: dict[str, int]
    scratch_words: int
    token_words: int
    buffers: tuple[Buffer, ...]
    segments: tuple[Segment, ...]


def allocate_scratch(
    model: IntegerModel, steps: tuple[ProgramStep, ...]
) -> tuple[dict[str, int], int]:
    """Place the scratch store's tensors: first fit by lifetime.

    A tensor's words are free for others once its last reader has run; one head's exponentials
    take the place of another's.

    Returns:
        the base address of each tensor, and the words in all.
    """
    tokens = token_tensors(model)
    caches = {s.key for s in model.steps if isinstance(s, Scores)}
    caches |= {s.value for s in model.steps if isinstance(s, Context)}
    sizes: dict[str, int] = {}
    life: dict[str, list[int]] = {model.input: [-1, -1]}
    sizes[model.input] = model.window * model.inputs
    for i, step in enumerate(steps):
        life[step.source.operand][1] = i if step.source.operand in life else -1
        output = model.tensors[step.source.output]
        heads = step.source.heads if isinstance(step.source, Scores) else 1
        sizes[output.name] = output.rows * output.columns // heads
        life.setdefault(output.name, [i, i])
    placed: list[tuple[int, int, list[int]]] = []
    base: dict[str, int] = {}
    names = [n for n in life if n not in tokens and n not in caches and n != model.output]
    for name in sorted(names, key=lambda n: (-sizes[n], life[n])):
        start, end = life[name]
        busy = sorted((b, e) for b, e, (s, t) in placed if s <= end and start <= t)
        at = 0
        for low, high in busy:
            if at + sizes[name] <= low:
                break
            at = max(at, high)
        base[name] = at
        placed.append((at, at + sizes[name], [start, end]))
    return base, max(high for _, high, _ in placed)


def ram_luts(words: int, width: int) -> int:
    """Look-up tables of a distributed RAM with one write and one read port (RAM32M, RAM64M)."""
    if words <= 32:
        return 4 * -(-width // 6)
    blocks = 1 << (-(-words // 64) - 1).bit_length()
    return 4 * blocks * -(-width // 3) + width * (blocks - 1) * 3 // 4


def rom_luts(words: int, width: int) -> int:
    """Look-up tables of a ROM in tables of 64 words and a choice among them."""
    blocks = -(-words // 64)
    return width * (blocks + (0 if blocks == 1 else -(-(blocks - 1) // 3)))


def ramb18_of(words: int, width: int) -> int:
    """RAMB18 that a memory takes, in the best of their shapes; its depth is a power of two."""
    words = 1 << (words - 1).bit_length()
    return min(
        -(-words // depth) * -(-width // bits) * count for depth, bits, count in RAMB18_SHAPES
    )


def cut_bank(bank: int, words: int, width: int) -> list[Segment]:
    """Cut a weight bank into segments of 1024 words, one of 512, and the rest."""
    result = []
    first = 0
    while first < words:
        left = words - first
        size = 1024 if left >= 1024 else min(left, 512)
        result.append(Segment(bank, first, size, 18 if size == 1024 else 36, width))
        first += size
    return result


def assign_storage(
    wanted: list[tuple[Buffer, str]],
    segments: list[Segment],
    weight_choice: str,
    device: Device,
) -> tuple[list[Buffer], list[Segment]]:
    """Give every buffer and segment its resource.

    A choice other than ``auto`` is obeyed. The block memory that is left goes where it saves the
    most look-up tables each.

    Args:
        wanted: buffers other than weights, each with the user's choice.
        segments: of all weight banks, nothing placed yet.
        weight_choice: the user's choice for weights.
        device: its block memory is the budget.
    """
    buffers: list[Buffer] = []
    left = device.blocks
    open_choices: list[tuple[float, int, int]] = []  # tables saved per RAMB18, index, RAMB18
    for index, (buffer, choice) in enumerate(wanted):
        blocks = buffer.copies * ramb18_of(buffer.words, buffer.width)
        luts = ram_luts if buffer.writable else rom_luts
        tables = buffer.copies * luts(buffer.words, buffer.width)
        in_block = replace(buffer, storage="block", ramb18=blocks, luts=0)
        if choice == "block":
            left -= blocks
            buffers.append(in_block)
        else:
            buffers.append(replace(buffer, storage="distributed", ramb18=0, luts=tables))
            if choice == "auto":
                open_choices.append((tables / blocks, index, blocks))
    columns: list[tuple[float, int]] = []
    for index, segment in enumerate(segments):
        count = -(-segment.width // segment.column_bits)
        if weight_choice == "block":
            segments[index] = replace(segment, columns=count)
            left -= count
        elif weight_choice == "auto":
            for column in range(count):
                bits = min(segment.column_bits, segment.width - column * segment.column_bits)
                columns.append((float(rom_luts(segment.words, bits)), index))
    choices = [(saved, 0, i, blocks) for saved, i, blocks in open_choices]
    choices += [(saved, 1, i, 1) for saved, i in columns]
    for saved, kind, index, blocks in sorted(choices, key=lambda c: (-c[0], c[1], c[2])):
        if blocks > left or saved < 16:
            continue
        left -= blocks
        if kind == 0:
            buffers[index] = replace(buffers[index], storage="block", ramb18=blocks, luts=0)
        else:
            segments[index] = replace(segments[index], columns=segments[index].columns + 1)
    return buffers, segments


def weight_buffers(segments: list[Segment], bank_bits: tuple[int, ...], lanes: int) -> list[Buffer]:
    """Sum a bank's segments up as buffers for the report."""
    result = []
    for bank, bits in enumerate(bank_bits):
        own = [s for s in segments if s.bank == bank]
        blocks = sum(s.columns for s in own)
        tables = sum(
            rom_luts(s.words, s.width - s.block_bits) for s in own if s.block_bits < s.width
        )
        storage = "distributed" if not blocks else "block" if not tables else "mixed"
        words = sum(s.words for s in own)
        result.append(
            Buffer(f"weights, {bits} bit", words, lanes * bits, 1, False, storage, blocks, tables)
        )
    return result
