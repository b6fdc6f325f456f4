import dataclasses

import numpy as np
import pytest

from narrowcast.data import Part
from narrowcast.data.views import Windows
from narrowcast.integer import Affine, Forecast, Input, IntegerModel, Output
from narrowcast.integer.builder import Shape
from narrowcast.integer.random_model import random_model
from narrowcast.quantize import cut_off
from narrowcast.training_records import CutOff, cut_off_line, drifting


def scaled_model() -> IntegerModel:
    """A model of two columns that adds 100 and divides by 2 before it rounds."""
    model = random_model(Shape(3, 2, 4), (8,), 0)
    (source,), (result,) = model.inputs, model.outputs
    return IntegerModel(
        (Input(source.tensor, ("a", "b"), Affine((-100.0, -100.0), (2.0, 2.0))),),
        (Output(result.tensor, (Forecast("y", Affine((-100.0,), (2.0,))),)),),
        model.tensors,
        model.operations,
        model.arrays,
    )


def test_only_readings_beyond_the_last_integer_are_cut_off() -> None:
    model = scaled_model()
    (source,), (result,) = model.input_tensors, model.output_tensors
    highest, lowest = (source.dequantise(np.array(q)) * 2 - 100 for q in (source.high, source.low))
    step = 2 * source.scale
    inputs = np.zeros((2, 3, 2)) - 100
    inputs[0, :, 1] = [highest + 0.4 * step, highest + 0.6 * step, lowest - 0.6 * step]
    last = result.dequantise(np.array(result.high)) * 2 - 100
    target = np.array([[last], [last + 2 * result.scale]])
    found = cut_off(model, Part(Windows.of(inputs), target, np.arange(2), None, None))
    assert found.inputs == {"a": 0.0, "b": pytest.approx(2 / 6)}
    assert found.target == 0.5


def test_masks_are_no_readings() -> None:
    model = scaled_model()
    (source,) = model.inputs
    masked = dataclasses.replace(source, columns=("a", "a missing"), masked=True)
    changed = dataclasses.replace(model, inputs=(masked,))
    part = Part(Windows.of(np.zeros((2, 3, 2))), np.zeros((2, 1)), np.arange(2), None, None)
    assert list(cut_off(changed, part).inputs) == ["a"]


def test_the_line_names_columns_and_parts() -> None:
    parts = {
        "train": CutOff({"a": 0.0, "b": 0.0}, 0.0),
        "test": CutOff({"a": 0.0, "b": 0.543}, 0.25),
    }
    assert cut_off_line(parts) == (
        "beyond the range of the integers: readings of 'b': 0.0% of train, 54.3% of test; "
        "targets: 0.0% of train, 25.0% of test"
    )
    assert cut_off_line({"train": parts["train"]}).endswith(": nothing")
    assert cut_off_line({"test": CutOff({"b": 0.0004}, 0.0)}).endswith("'b': <0.1% of test")


def test_columns_that_leave_the_range_after_the_training_part_drift() -> None:
    shares = {"train": (0.4, 0.0, 0.0), "validation": (0.0, 0.02, 0.01), "test": (0.0, 0.0, 0.01)}
    parts = {
        name: CutOff(dict(zip("abc", each, strict=True)), 0.0) for name, each in shares.items()
    }
    assert drifting(parts) == ("b",)
