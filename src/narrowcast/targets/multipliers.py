"""How many DSP blocks a product takes: synthesis cuts it into what a block can multiply.

The rules are those of yosys (``mul2dsp``) with the options that it has for each family: an operand
wider than a port is cut into parts, from its lowest bit, and a product of parts that is too small
is made of look-up tables instead.
"""

from dataclasses import dataclass


@dataclass(frozen=True)
class Multiplier:
    """The multiplier of a family's DSP block, as synthesis uses it.

    Attributes:
        wide, narrow: widths of its ports.
        part: bits of an operand that a part takes where the operand is wider than its port.
        headroom: 1 if both ports are signed, so that a part has a bit less, and 0 above it.
        least: smallest (wider, narrower) widths of operands that are given to a DSP block.
        least_product: smallest width of a product that is.
    """

    wide: int
    narrow: int
    part: int
    headroom: int
    least: tuple[int, int]
    least_product: int


MULTIPLIERS = {
    "xc7": Multiplier(25, 18, 18, 1, (2, 2), 9),
    "ice40": Multiplier(16, 16, 16, 0, (2, 2), 11),
    "ecp5": Multiplier(18, 18, 18, 0, (2, 2), 0),
}


def dsp_of_product(a_bits: int, b_bits: int, family: str) -> int:
    """Return the DSP blocks of a signed product of two operands; 0: it is made of tables."""
    return _blocks(max(a_bits, b_bits), min(a_bits, b_bits), MULTIPLIERS[family])


def _blocks(a_bits: int, b_bits: int, of: Multiplier) -> int:
    wider, narrower = max(a_bits, b_bits), min(a_bits, b_bits)
    if wider < of.least[0] or narrower < of.least[1] or a_bits + b_bits < of.least_product:
        return 0
    step = of.part - of.headroom
    if a_bits > of.wide:
        count = (a_bits - of.wide + step - 1) // step
        return count * _blocks(of.part, b_bits, of) + _blocks(a_bits - count * step, b_bits, of)
    if b_bits > of.narrow:
        count = (b_bits - of.narrow + step - 1) // step
        return count * _blocks(a_bits, of.part, of) + _blocks(a_bits, b_bits - count * step, of)
    return 1
