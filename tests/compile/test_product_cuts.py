"""Products of the epilogue that are wider than a DSP block's port."""

import pytest

from narrowcast.compile.epilogue import epilogue_dsp, product_cuts
from narrowcast.targets.device import load_device


@pytest.mark.parametrize(
    ("device", "biased", "cuts", "blocks"),
    [
        ("xc7s15", 30, (0, 0), 3),  # a block adds the parts of the next one
        ("hx8k", 30, (0, 0), 0),
        ("ecp5-25f", 18, (0, 0), 2),
        ("ecp5-25f", 25, (17, 0), 3),
        ("up5k", 13, (0, 15), 3),  # the upper part of R makes too small a product
        ("up5k", 16, (0, 15), 3),
    ],
)
def test_cuts(device: str, biased: int, cuts: tuple[int, int], blocks: int) -> None:
    """The lower part has a port's width with its sign, which is 0."""
    target = load_device(device)
    widths = {"BIASED_BITS": biased, "RESIDUAL_BITS": 4}
    assert product_cuts(widths, target) == {"BIASED_CUT": cuts[0], "M_CUT": cuts[1]}
    assert epilogue_dsp(widths, target) == blocks
