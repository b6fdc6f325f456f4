"""Where everything lies: addresses by lifetime, and a memory resource for every buffer."""

from collections.abc import Sequence
from dataclasses import dataclass, replace

from narrowcast.errors import UserError
from narrowcast.targets.device import Device
from narrowcast.targets.family import Shapes

LEAST_SAVING = 16  # look-up tables that a block memory has to save to be worth it


@dataclass(frozen=True)
class Buffer:
    """One memory of the engine.

    Attributes:
        name: weights of a width, scratch, tokens, keys, values, biases, multipliers, ...
        words, width: of one copy. copies: of such memories; a cache has one for each lane.
        writable: RAM or ROM.
        storage: ``block``, ``distributed``, or ``mixed`` for a weight bank cut in two.
        blocks: block memories used. luts: look-up tables used, estimated.
        reason: why it lies there.
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


def blocks_of(words: int, width: int, shapes: Shapes) -> int:
    """Block memories that a memory takes, in the best of their shapes.

    A single memory's depth is a power of two.
    """
    words = 1 << (words - 1).bit_length()
    return min(-(-words // depth) * -(-width // bits) * count for depth, bits, count in shapes)


def stored_bits(words: Sequence[int], width: int) -> int:
    """Return the bits of a read-only memory's words that synthesis keeps: those that vary.

    A memory's depth is a power of two from 2 on; what is left over holds zeros.
    """
    ones = zeros = 0
    for word in words:
        ones |= word
        zeros |= ~word
    filled = len(words) > 1 and len(words) & (len(words) - 1) == 0
    return (ones & (zeros if filled else -1) & ((1 << width) - 1)).bit_count()


def rom_blocks(words: Sequence[int], width: int, shapes: Shapes) -> int:
    """Block memories that a read-only memory takes."""
    bits = stored_bits(words, width)
    return blocks_of(len(words), bits, shapes) if bits else 0


def cut_bank(bank: int, words: int, width: int, shapes: Shapes) -> list[Segment]:
    """Cut a weight bank into segments as deep as the second of the block memory's shapes.

    What is left makes one segment as deep as the first shape, which is wider, and a rest.
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
    """Give every buffer and segment its resource.

    A choice other than ``auto`` is obeyed. RAM lies in block memory where a device has no other.
    The block memory that is left goes where it saves the most look-up tables each.

    Args:
        wanted: buffers other than weights, each with the user's choice.
        segments: of all weight banks, nothing placed yet.
        weight_choice: the user's choice for weights.
        device: its block memory is the budget.

    Raises:
        UserError: a choice that the device does not have.
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


@dataclass(frozen=True)
class _Choice:
    """Something that may lie in block memory.

    Attributes:
        saved: look-up tables saved by each block memory. weights: a column of a segment, else a
            buffer. index: which. blocks: block memories that it takes.
    """

    saved: float
    weights: bool
    index: int
    blocks: int


def _settle(buffer: Buffer, choice: str, device: Device) -> tuple[Buffer, int | None]:
    """Return a buffer in its resource, and the look-up tables to be saved if that is still open."""
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
    """Sum a bank's segments up as buffers for the report."""
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
