"""Assigns a memory resource, block memory or look-up tables, to every buffer."""

from collections.abc import Sequence
from dataclasses import dataclass, replace

from narrowcast.errors import UserError
from narrowcast.targets.device import Device
from narrowcast.targets.family import SPRAM_BITS, Shapes

CHECK_WORDS = 1  # behind loaded weights
LEAST_SAVING = 16  # least number of look-up tables that a block memory must save to be used


@dataclass(frozen=True)
class Buffer:
    """One memory of the engine.

    Attributes:
        name: Name, such as "weights, 4 bit", scratch, tokens, keys, values, biases.
        words: Number of words of one copy.
        width: Width of a word in bits.
        copies: Number of copies; a cache has one for each lane.
        writable: True for RAM, false for ROM.
        storage: ``block``, ``distributed``, ``mixed`` for a weight bank that is split, or ``spram``
            for weights that a host loads.
        blocks: Number of block memories.
        luts: Number of look-up tables, estimated.
        reason: Why this storage was chosen.
        sprams: Number of single-port memories.
    """

    name: str
    words: int
    width: int
    copies: int
    writable: bool
    storage: str
    blocks: int
    luts: int
    reason: str = ""
    sprams: int = 0


@dataclass(frozen=True)
class Segment:
    """Consecutive words of a weight bank; see ``engine_types.vhd``.

    Attributes:
        bank: Index of the bank.
        first: First word in the bank.
        words: Number of words.
        column_bits: Width of a block memory in bits; the segment is divided into such columns.
        width: Width of a word in bits.
        columns: Number of columns in block memory; the others are in look-up tables.
    """

    bank: int
    first: int
    words: int
    column_bits: int
    width: int
    columns: int = 0

    @property
    def block_bits(self) -> int:
        """Number of bits of each word that are in block memory."""
        return min(self.width, self.columns * self.column_bits)


def blocks_of(words: int, width: int, shapes: Shapes) -> int:
    """Return the block memories of a memory, in the best of their configurations.

    Synthesis extends the depth of a memory to a power of two.
    """
    words = 1 << (words - 1).bit_length()
    return min(-(-words // depth) * -(-width // bits) * count for depth, bits, count in shapes)


def stored_bits(words: Sequence[int], width: int) -> int:
    """Return the number of bits of a ROM's words that synthesis keeps: those that vary.

    Synthesis extends the depth of a ROM to a power of two, at least 2, with words of zeros.
    """
    ones = zeros = 0
    for word in words:
        ones |= word
        zeros |= ~word
    filled = len(words) > 1 and len(words) & (len(words) - 1) == 0
    return (ones & (zeros if filled else -1) & ((1 << width) - 1)).bit_count()


def rom_blocks(words: Sequence[int], width: int, shapes: Shapes) -> int:
    """Return the block memories of a ROM."""
    bits = stored_bits(words, width)
    return blocks_of(len(words), bits, shapes) if bits else 0


def cut_bank(bank: int, words: int, width: int, shapes: Shapes) -> list[Segment]:
    """Split a weight bank into segments as deep as the second configuration of the block memory.

    The remaining words make segments at most as deep as the first configuration, which is wider.
    """
    (shallow, wide, _), (deep, narrow, _) = shapes[:2]
    result = []
    first = 0
    while first < words:
        left = words - first
        size = deep if left >= deep else min(left, shallow)
        result.append(Segment(bank, first, size, narrow if size == deep else wide, width))
        first += size
    return result


def assign_storage(
    wanted: list[tuple[Buffer, str]],
    segments: list[Segment],
    weight_choice: str,
    device: Device,
) -> tuple[list[Buffer], list[Segment]]:
    """Assign a resource to every buffer and segment.

    A storage option other than ``auto`` is obeyed. RAM is in block memory if the device has no
    other RAM. The remaining block memories are assigned where each saves the most look-up tables.

    Args:
        wanted: Buffers other than weights, each with its storage option.
        segments: Segments of all weight banks, not assigned yet.
        weight_choice: Storage option of the weights.
        device: The device, whose block memory is the budget.

    Raises:
        UserError: The device does not have a requested resource.
    """
    buffers = []
    open_choices: list[_Choice] = []
    for index, (buffer, choice) in enumerate(wanted):
        settled, saved = _settle(buffer, choice, device)
        buffers.append(settled)
        if saved is not None:
            blocks = buffer.copies * blocks_of(buffer.words, buffer.width, device.block_shapes)
            open_choices.append(_Choice(saved / blocks, False, index, blocks))
    for index, segment in enumerate(segments):
        count = -(-segment.width // segment.column_bits)
        if weight_choice == "block":
            segments[index] = replace(segment, columns=count)
        elif weight_choice == "auto":
            for column in range(count):
                bits = min(segment.column_bits, segment.width - column * segment.column_bits)
                luts = device.family.rom_luts(segment.words, bits)
                open_choices.append(_Choice(luts, True, index, 1))
    left = device.blocks - sum(b.blocks for b in buffers) - sum(s.columns for s in segments)
    columns = [segment.columns for segment in segments]
    for open_choice in sorted(open_choices, key=lambda c: (-c.saved, c.weights, c.index)):
        fits = open_choice.blocks <= left and open_choice.saved >= LEAST_SAVING
        left -= open_choice.blocks if fits else 0
        if open_choice.weights:
            columns[open_choice.index] += int(fits)
        else:
            buffer, reason = buffers[open_choice.index], _reason(open_choice, device, fits=fits)
            buffers[open_choice.index] = (
                replace(buffer, storage="block", blocks=open_choice.blocks, luts=0, reason=reason)
                if fits
                else replace(buffer, reason=reason)
            )
    return buffers, [replace(s, columns=c) for s, c in zip(segments, columns, strict=True)]


def loaded_segment(words: int, width: int) -> Segment:
    """Return the segment of all weights, if a host loads them; see ``weight_memory.vhd``.

    Args:
        words: Words of all banks.
        width: Width of the widest word in bits.
    """
    columns = max(2, -(-width // SPRAM_BITS))
    return Segment(0, 0, words, SPRAM_BITS, SPRAM_BITS * columns, columns)


def loaded_weights(segment: Segment, device: Device) -> Buffer:
    """Return the buffer of weights that a host loads.

    Raises:
        UserError: The device has no memory for them, or too little.
    """
    if not device.spram:
        raise UserError(
            f"hardware.storage.weights: {device.name} has no SPRAM; take 'block', 'distributed' or "
            "'auto'"
        )
    sprams = segment.columns * -(-(segment.words + CHECK_WORDS) // device.family.spram_words)
    return Buffer(
        *("weights", segment.words, segment.width, 1, True, "spram", 0, 0),
        *("a host loads them", sprams),
    )


@dataclass(frozen=True)
class _Choice:
    """A buffer, or a column of a segment, that may be in block memory.

    Attributes:
        saved: Look-up tables saved by each block memory.
        weights: Whether it is a column of a segment.
        index: Index of the segment or buffer.
        blocks: Number of block memories that it needs.
    """

    saved: float
    weights: bool
    index: int
    blocks: int


def _settle(buffer: Buffer, choice: str, device: Device) -> tuple[Buffer, int | None]:
    """Return a buffer with its resource and, if block memory is optional, the savings by it."""
    family, ram = device.family, device.family.distributed_ram
    reason = "as configured"
    if buffer.writable and ram is None and choice == "distributed":
        raise UserError(
            f"hardware.storage: {device.name} has no distributed RAM, which {buffer.name} would "
            "need; take 'block' or 'auto'"
        )
    if buffer.writable and ram is None and choice == "auto":
        choice, reason = "block", f"{device.name} has no other RAM"
    if choice == "block":
        blocks = buffer.copies * blocks_of(buffer.words, buffer.width, device.block_shapes)
        return replace(buffer, storage="block", blocks=blocks, luts=0, reason=reason), None
    luts_of = ram.luts if buffer.writable and ram is not None else family.rom_luts
    luts = buffer.copies * luts_of(buffer.words, buffer.width)
    in_tables = replace(buffer, storage="distributed", blocks=0, luts=luts)
    if choice == "auto":
        return in_tables, luts
    return replace(in_tables, reason=reason), None


def _reason(choice: _Choice, device: Device, *, fits: bool) -> str:
    each = f"a {device.block_name} {'saves' if fits else 'would save'} {choice.saved:.0f} LUT"
    if fits:
        return each
    return f"{each} only" if choice.saved < LEAST_SAVING else f"{each}; others save more"


def weight_buffers(
    segments: list[Segment],
    bank_bits: tuple[int, ...],
    columns: int,
    choice: str,
    device: Device,
) -> list[Buffer]:
    """Return the weight banks as buffers, each with the sums over its segments."""
    result = []
    for bank, bits in enumerate(bank_bits):
        own = [s for s in segments if s.bank == bank]
        blocks = sum(s.columns for s in own)
        tables = sum(
            device.family.rom_luts(s.words, s.width - s.block_bits)
            for s in own
            if s.block_bits < s.width
        )
        storage = "distributed" if not blocks else "block" if not tables else "mixed"
        reason = "as configured"
        if choice == "auto":
            reason = {
                "block": "all of it finds room",
                "mixed": "block memory to the last, the rest in look-up tables",
                "distributed": "other buffers save more look-up tables in block memory",
            }[storage]
        words = sum(s.words for s in own)
        result.append(
            Buffer(
                *(f"weights, {bits} bit", words, columns * bits, 1, False, storage),
                *(blocks, tables, reason),
            )
        )
    return result
