"""From a model to the design that suits a device best."""

import math
from collections.abc import Mapping

from narrowcast.compile.area import area
from narrowcast.compile.design import Design, compile_array, too_large
from narrowcast.compile.schedule import fewest_cycles
from narrowcast.compile.select import HardwareOptions, arrays
from narrowcast.errors import UserError
from narrowcast.integer.model import IntegerModel, Linear
from narrowcast.targets.device import Device

MOST_OUTPUTS = 63  # the engine counts them in 6 bits,
MOST_TOKENS = 127  # and these in 7
LEAST_CHANNELS = 4  # the pool takes so many clocks
_SMALLER = (
    "lower quantization.bits, model.channels or model.ffn_channels, or take a larger "
    "hardware.device"
)


def compile_model(
    model: IntegerModel,
    device: Device,
    lanes: int | None = None,
    storage: Mapping[str, str] | None = None,
    ways: int | None = None,
    pairs: bool | None = None,
    tables: bool | None = None,
) -> Design:
    """Compile for a device.

    Args:
        model: the integer model.
        device: whose DSPs, tables and block memory are the budget.
        lanes: multiply-accumulates per clock; None takes what fits with the least product of
            cycles and power, so more lanes only as long as they buy time.
        storage: ``block``, ``distributed`` or ``auto``, by buffer or by kind of buffer: weights,
            activations, keys, values, softmax, parameters, exponentials, program.
        ways: tokens at once, 1 or 2; None takes 2 where weights have at most 6 bits, and for
            wider ones if it is faster with as many lanes as one way has.
        pairs: two lanes in one DSP block; None takes them where the ports are wide enough.
        tables: the second way's lanes of look-up tables; None takes them if the DSPs run out.

    Raises:
        UserError: the model cannot fit the device: which resource, by how much, what would help.
    """
    design = best_design(model, device, HardwareOptions(lanes, storage, ways, pairs, tables))
    found = area(design)
    for name, need, have in (("LUT", found.lut, device.lut), ("FF", found.ff, device.ff)):
        if need > have:
            raise too_large(device, need, have, f"{name} (estimated)", _SMALLER)
    return design


def best_design(model: IntegerModel, device: Device, options: HardwareOptions) -> Design:
    """Compile as :func:`compile_model` does, even if look-up tables or flip-flops are too few.

    The first array of lanes is taken with which the design fits however wrong their estimates may
    be; if there is none, the one that takes the least by the bare estimates.

    Raises:
        UserError: DSP blocks or block memories are too few, or the engine is not made for it.
    """
    _check_shape(model, options)
    _check_size(model, device)
    storage = options.storage or {}
    best: Design | None = None
    least = math.inf
    refusal: UserError | None = None
    for array in arrays(model, device, options):
        try:
            design = compile_array(model, device, array, storage, thorough=False)
        except UserError as error:
            refusal = error
            continue
        found = area(design)
        if found.share(device) <= least or found.fits(device):
            best, least = design, found.share(device)
        if found.fits(device):
            break
    if best is None:
        assert refusal is not None  # there is at least one array
        raise refusal
    if fewest_cycles(model, best.array, thorough=True) == best.cycles:
        return best
    try:  # another order of jobs may need a little more
        faster = compile_array(model, device, best.array, storage, thorough=True)
    except UserError:
        return best
    found = area(faster)
    return faster if found.share(device) <= least or found.fits(device) else best


def _check_shape(model: IntegerModel, options: HardwareOptions) -> None:
    """Refuse what the engine is not made for."""
    for name, value, least, most in (
        ("data.window", model.window, 2, MOST_TOKENS),
        ("data.outputs", model.outputs, 1, MOST_OUTPUTS),
        ("model.channels", model.channels, LEAST_CHANNELS, None),
        ("hardware.lanes", options.lanes, 1, None),
        ("hardware.ways", options.ways, 1, 2),
    ):
        if value is not None and (value < least or (most is not None and value > most)):
            limits = f"at least {least}" if most is None else f"from {least} to {most}"
            raise UserError(f"{name}: the engine takes {limits}, not {value}")


def _check_size(model: IntegerModel, device: Device) -> None:
    """Refuse weights that no memory of the device can hold, before anything is scheduled."""
    bits = sum(
        model.arrays[s.weights].size * s.weight_bits for s in model.steps if isinstance(s, Linear)
    )
    words, width, _ = device.block_shapes[0]
    tables = (bits - device.blocks * words * width) >> device.family.lut_inputs
    if tables > device.lut:
        raise too_large(device, tables, device.lut, "LUT (for the weights alone)", _SMALLER)
