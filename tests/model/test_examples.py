"""The batches of a training."""

from dataclasses import replace

import numpy as np
import pandas as pd
import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st

from narrowcast.config import Config
from narrowcast.data import Table, make_windows
from narrowcast.errors import UserError
from narrowcast.model import train_float
from narrowcast.model.examples import Examples, batch_sizes

ROWS = 2


@given(st.integers(0, 1000), st.integers(2, 70))
def test_batches_have_all_inferences_and_none_is_alone(inferences: int, size: int) -> None:
    sizes = batch_sizes(inferences, size)
    assert sum(sizes) == inferences and max(sizes, default=0) <= size + 1
    assert inferences == 1 or 1 not in sizes


def configuration(batch: int, kind: str = "window") -> Config:
    data = {"inputs": ["a"], "target": "a", "window": ROWS, "lead": 1, "seasons": []}
    split = {"validation": 0.2, "test": 0.2}
    return Config.model_validate(
        {
            "data": {**data, "split": split},
            "model": {"channels": 2, "kind": kind, "kernel": 1},
            "train": {"epochs": 1, "batch": batch},
        }
    )


def table(rows: int) -> Table:
    values = np.random.default_rng(0).normal(size=rows)
    return Table(None, pd.DataFrame({"a": values}), None)


@pytest.mark.parametrize("kind", ["window", "stream"])
@pytest.mark.parametrize("rows", range(40, 60))
def test_any_number_of_windows_can_be_trained(rows: int, kind: str) -> None:
    config = configuration(8, kind)
    dataset = make_windows(table(rows), config.data, config.stream)
    model, history = train_float(dataset, config)
    assert all(np.isfinite(history.loss))
    examples = Examples.of(dataset.train, dataset)
    batches = list(examples.batches(model, 8, torch.Generator().manual_seed(0)))
    trained = [each.target if each.wanted is None else each.wanted for each in batches]
    assert sum(map(len, trained)) == len(dataset.train)


def test_a_single_window_cannot_be_trained() -> None:
    config = configuration(8)
    dataset = make_windows(table(40), config.data)
    train = dataset.train
    single = replace(
        train, windows=train.windows.some(slice(1)), target=train.target[:1], row=train.row[:1]
    )
    with pytest.raises(UserError, match="has 1 window, but batch norm needs at least 2"):
        train_float(replace(dataset, train=single), config)
