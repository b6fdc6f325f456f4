"""How the epilogue's two products are made of the multipliers of a device.

A product that is wider than the port of a DSP block is a sum of partial products, which synthesis
would add in the clock in which they are made. So ``epilogue.vhd`` cuts an operand itself, and adds
the parts a clock later. Blocks that add partial products inside (XC7) need no cut.
"""

from collections.abc import Mapping

from narrowcast.integer.arithmetic import MULTIPLIER_BITS
from narrowcast.targets.device import Device


def product_cuts(widths: Mapping[str, int], device: Device) -> dict[str, int]:
    """Return where the operands are cut, by the names in ``engine_config.vhd``; 0: nowhere.

    The lower part of an operand is unsigned, so it is a bit narrower than the port.
    """
    cuts = {"BIASED_CUT": 0, "M_CUT": 0}
    block = device.dsp_block
    if block is not None and not block.adds_parts:
        if block.narrow < MULTIPLIER_BITS:
            cuts["M_CUT"] = block.narrow - 1
        elif block.wide < widths["BIASED_BITS"]:
            cuts["BIASED_CUT"] = block.wide - 1
    return cuts


def epilogue_dsp(widths: Mapping[str, int], device: Device) -> int:
    """Return the DSP blocks of an epilogue, as synthesis infers them."""
    cuts = product_cuts(widths, device)
    biased, rest = widths["BIASED_BITS"], widths["RESIDUAL_BITS"] + 1
    multipliers = _parts(MULTIPLIER_BITS, cuts["M_CUT"])
    products = [(a, m) for a in (*_parts(biased, cuts["BIASED_CUT"]), rest) for m in multipliers]
    return sum(device.dsp_of_product(*product) for product in products)


def _parts(bits: int, cut: int) -> list[int]:
    """Return the widths of an operand's parts."""
    return [cut + 1, bits - cut] if cut else [bits]
