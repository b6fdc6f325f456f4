"""Tests of the distance of a rounded model from the one in floating point."""

from pathlib import Path

import pytest
import torch

from narrowcast import load_config
from narrowcast.config import quantised_names, shape_of
from narrowcast.data import make_windows, read_table
from narrowcast.model import build
from narrowcast.model.examples import Examples
from narrowcast.model.objectives import mean_square_difference
from narrowcast.quantize.training import calibrated
from narrowcast.search.sensitivity import Rounded, sensitivity
from narrowcast.search.space import with_bits


def test_a_model_of_one_width_is_as_far_as_the_one_that_is_calibrated(config_file: Path) -> None:
    config = load_config(config_file)
    dataset = make_windows(read_table(config.data), config.data)
    torch.manual_seed(0)
    source = build(config).eval()
    torch.nn.init.normal_(source.head.weight, std=0.3)
    rounded = Rounded(source, dataset, config)
    examples = Examples.of(dataset.validation, dataset)
    exact = examples.forecasts(source)
    given = examples.single()
    names = quantised_names(shape_of(config))
    factors = calibrated(source, dataset, with_bits(config, dict.fromkeys(names, 5))).factors
    for bits in (2, 8, 3):
        widths = dict.fromkeys(names, bits)
        model = calibrated(source, dataset, with_bits(config, widths), factors).train()
        with torch.no_grad():
            results = model.in_batches(given.inputs, len(given.restart), given.restart, 64)
        expected = mean_square_difference(results[given.at], exact, dataset)
        assert rounded.distance(widths) == pytest.approx(expected, rel=1e-4)
        assert expected > 1e-6
    found = sensitivity(rounded, dict.fromkeys(names, 8))
    assert set(found) == set(names)
    for name in ("embed.activation", "layers.0.attention_out.weight"):
        assert found[name][2] > found[name][3] > found[name][8] == 0.0
