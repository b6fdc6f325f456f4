from pathlib import Path

import numpy as np
import pytest

from narrowcast.errors import UserError
from narrowcast.integer.random_model import Shape, random_model
from narrowcast.vectors import read_vectors, write_vectors


@pytest.mark.parametrize("bits", [2, 5, 8])
def test_round_trip(tmp_path: Path, bits: int) -> None:
    model = random_model(Shape(window=4, inputs=3, channels=8), (bits,))
    random = np.random.default_rng(0)
    tensor, result = model.tensors[model.input], model.tensors[model.output]
    inputs = random.integers(tensor.low, tensor.high + 1, (5, 4, 3))
    expected = random.integers(result.low, result.high + 1, (5, 1))
    write_vectors(tmp_path, model, inputs, expected)
    again = read_vectors(tmp_path, model)
    assert np.array_equal(again[0], inputs) and np.array_equal(again[1], expected)
    assert len((tmp_path / "inputs.hex").read_text().split()) == inputs.size

    (tmp_path / "inputs.hex").write_text("00\n")
    with pytest.raises(UserError, match="damaged"):
        read_vectors(tmp_path, model)
