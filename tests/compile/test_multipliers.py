import pytest

from narrowcast.compile import compile_model
from narrowcast.integer.random_model import Shape, random_model
from narrowcast.targets.device import load_device
from narrowcast.targets.multipliers import MULTIPLIERS, dsp_of_product


@pytest.mark.parametrize(
    ("family", "a", "b", "blocks"),
    [
        ("xc7", 25, 18, 1),
        ("xc7", 26, 18, 2),
        ("xc7", 18, 26, 2),
        ("xc7", 5, 3, 0),
        ("ice40", 16, 16, 1),
        ("ice40", 18, 18, 3),  # what is left over of both, 2 x 2, is made of tables
        ("ice40", 27, 18, 4),
        ("ice40", 18, 9, 2),
        ("ice40", 18, 8, 1),
        ("ice40", 6, 4, 0),
        ("ecp5", 18, 18, 1),
        ("ecp5", 19, 18, 1),
        ("ecp5", 20, 18, 2),
    ],
)
def test_blocks_of_a_product(family: str, a: int, b: int, blocks: int) -> None:
    assert dsp_of_product(a, b, family) == dsp_of_product(b, a, family) == blocks


@pytest.mark.parametrize("name", ["xc7s15", "up5k", "ecp5-25f"])
def test_ports_are_those_of_the_device(name: str) -> None:
    device = load_device(name)
    multiplier = MULTIPLIERS[device.family]
    assert (multiplier.wide, multiplier.narrow) == device.dsp_ports
    assert dsp_of_product(*device.dsp_ports, device.family) == 1


def test_lanes_with_products_too_small_for_a_block_take_none() -> None:
    narrow = random_model(Shape(3, 2, 8), (2,), input_bits=2, output_bits=8)
    design = compile_model(narrow, load_device("up5k"), 2, ways=1)
    x_bits, w_bits = design.constants["X_BITS"], design.constants["LANE_BITS"]
    assert dsp_of_product(x_bits, w_bits, "ice40") == 0
    assert design.dsp < design.array.dsp + 3
