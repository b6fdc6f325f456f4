"""Quantile forecasts: their loss, and factors of their distances from the median."""

import numpy as np
import pytest
import torch

from narrowcast.data import Targets
from narrowcast.integer.builder import Shape
from narrowcast.model import Transformer, scale_quantiles
from narrowcast.model.quantiles import pinball

LEVELS = (0.1, 0.5, 0.8)


def test_the_pinball_loss_is_least_at_the_quantile() -> None:
    y = torch.randn(20000, 2, generator=torch.Generator().manual_seed(0))
    loss = pinball(LEVELS)
    best = torch.quantile(y, torch.tensor(LEVELS), dim=0).T.reshape(1, -1).expand(len(y), -1)
    least = float(loss(best, y))
    for i in range(6):
        for change in (-0.1, 0.1):
            other = best.clone()
            other[:, i] += change
            assert float(loss(other, y)) > least
    assert float(pinball([0.5])(best[:, [1, 4]], y)) == pytest.approx(
        float((best[:, [1, 4]] - y).abs().mean()) / 2
    )


@torch.no_grad()
def test_distances_from_the_median_are_multiplied() -> None:
    torch.manual_seed(0)
    shape = Shape(5, 3, 8, outputs=2, quantiles=3, targets=2, relative=(2, 0), seasons=1, known=2)
    model = Transformer(shape).eval()
    for parameter in model.parameters():
        torch.nn.init.normal_(parameter, 0, 0.3)
    inputs = [torch.randn(50, 5, 3), *(torch.randn(50, 1, n) for n in shape.further.values())]
    before = model(*inputs).view(50, 4, 3)
    factors = np.random.default_rng(0).uniform(0, 2, (4, 3))
    scale_quantiles(model, Targets(("a", "b"), 2, (1.0, 1.0), LEVELS), factors.ravel())
    middle = before[..., 1:2]
    expected = middle + torch.from_numpy(factors).float() * (before - middle)
    torch.testing.assert_close(model(*inputs).view(50, 4, 3), expected, rtol=1e-4, atol=1e-5)
