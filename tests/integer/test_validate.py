"""Every rule of a valid model, broken alone, is named with what breaks it."""

import math
import re
from collections.abc import Callable, Mapping
from dataclasses import replace
from typing import Any

import numpy as np
import pytest
from integer_graphs import random_spec

from narrowcast.integer import (
    Affine,
    Calendar,
    Classification,
    Detection,
    EarlierReadings,
    Forecast,
    Input,
    IntegerModel,
    LastReading,
    Output,
    Tensor,
    ValuesAhead,
    analyse,
)
from narrowcast.integer.builder import GraphBuilder, Role, Shape
from narrowcast.integer.random_model import random_graph, random_model

Change = Callable[[IntegerModel], IntegerModel]

AT = "layers.0"


@pytest.fixture
def model() -> IntegerModel:
    """A Transformer of 8 bits that adds an element of the input, with a decoder and metadata."""
    shape = Shape(4, 3, 8, heads=2, outputs=2, relative=(1,))
    made = random_model(shape, (8,), 1)
    decoder = Forecast("y", Affine((0.0, 1.0), (2.0, 3.0)))
    return replace(
        made, outputs=(Output("head.output", (decoder,)),), metadata={"window": 4, "target": "y"}
    )


def tensor(name: str, /, **changes: Any) -> Change:
    def apply(model: IntegerModel) -> IntegerModel:
        changed = replace(model.tensors[name], **changes)
        return replace(model, tensors={**model.tensors, name: changed})

    return apply


def step(name: str, /, **changes: Any) -> Change:
    def apply(model: IntegerModel) -> IntegerModel:
        steps = tuple(replace(s, **changes) if s.name == name else s for s in model.operations)
        return replace(model, operations=steps)

    return apply


def array(name: str, values: object) -> Change:
    return lambda model: replace(model, arrays={**model.arrays, name: values})


def edited(name: str, index: Any, value: int) -> Change:
    def apply(model: IntegerModel) -> IntegerModel:
        changed = model.arrays[name].copy()
        changed[index] = value
        return array(name, changed)(model)

    return apply


def source(**changes: Any) -> Change:
    return lambda model: replace(
        model, inputs=(replace(model.inputs[0], **changes), *model.inputs[1:])
    )


def further(**changes: Any) -> Change:
    return lambda model: replace(
        model, inputs=(model.inputs[0], replace(model.inputs[1], **changes))
    )


def decoder(**changes: Any) -> Change:
    def apply(model: IntegerModel) -> IntegerModel:
        (output,) = model.outputs
        (found,) = output.decoders
        changed = replace(output, decoders=(replace(found, **changes),))
        return replace(model, outputs=(changed,))

    return apply


def decode(name: str, *decoders: Any) -> Change:
    return lambda model: replace(
        model,
        outputs=tuple(
            replace(each, decoders=decoders) if each.tensor == name else each
            for each in model.outputs
        ),
    )


def outputs(*names: str) -> Change:
    return lambda model: replace(model, outputs=tuple(map(Output, names)))


def metadata(**entries: Any) -> Change:
    return lambda model: replace(model, metadata={**model.metadata, **entries})


def several(*changes: Change) -> Change:
    def apply(model: IntegerModel) -> IntegerModel:
        for change in changes:
            model = change(model)
        return model

    return apply


def added(*tensors: Tensor) -> Change:
    return lambda model: replace(model, tensors={**model.tensors, **{t.name: t for t in tensors}})


def reordered(order: Callable[[list[Any]], list[Any]]) -> Change:
    return lambda model: replace(model, operations=tuple(order(list(model.operations))))


def doubled(names: Mapping[str, str]) -> Change:
    """Add a copy of the last operation with other fields."""
    return lambda model: replace(
        model, operations=(*model.operations, replace(model.operations[-1], **names))
    )


TENSORS = [
    (
        lambda m: replace(
            m, tensors={**m.tensors, "a\nb": replace(m.tensors["input"], name="a\nb")}
        ),
        r"a tensor: 'a\\nb' is no name of letters, digits, '_' and '.'",
    ),
    (tensor("input", name="other"), "tensor input: has another name"),
    (tensor("input", rows=0), "tensor input: rows is 0, not a whole number from 1 to 4096"),
    (tensor("input", rows=4097), "tensor input: rows is 4097"),
    (tensor("input", rows=True), "tensor input: rows is True"),
    (tensor("input", columns=0), "tensor input: columns is 0"),
    (tensor("input", columns=65537), "tensor input: columns is 65537"),
    (tensor("input", bits=1), "tensor input: bits is 1, not a whole number from 2 to 24"),
    (tensor("input", bits=25), "tensor input: bits is 25"),
    (tensor("input", bits=8.0), "tensor input: bits is 8.0"),
    (tensor("input", restricted=0), "tensor input: restricted is no boolean"),
    (tensor("input", state=None), "tensor input: state is no boolean"),
    (tensor("input", zero_point=128), "tensor input: zero_point is 128, not a whole number from"),
    (
        tensor(f"{AT}.key.output", zero_point=-128),
        "zero_point is -128, not a whole number from -127",
    ),
    (tensor("input", scale=float("nan")), "tensor input: scale is nan, not a finite number"),
    (tensor("input", scale=float("inf")), "tensor input: scale is inf"),
    (tensor("input", scale="1"), "tensor input: scale is '1'"),
    (tensor("input", scale=0.0), "tensor input: scale is 0.0, not above 0"),
    (tensor("input", scale=-1.0), "tensor input: scale is -1.0, not above 0"),
    (
        tensor(f"{AT}.context.output", state=None),
        f"tensor {AT}.context.output: state is no boolean",
    ),
]

ARRAYS = [
    (array("1st", np.zeros(1, np.int64)), "an array: '1st' is no name"),
    (array("head.bias", np.zeros(2, np.int32)), "array head.bias: is not of int64"),
    (array("head.bias", [0, 0]), "array head.bias: is not of int64"),
    (array("head.bias", np.zeros((1, 1, 2), np.int64)), r"array head.bias: has shape \(1, 1, 2\)"),
    (array("head.bias", np.zeros(0, np.int64)), r"array head.bias: has shape \(0,\)"),
    (edited("head.bias", 0, 2**31), "array head.bias: holds an integer of more than 32 bits"),
    (array("more", np.zeros(2, np.int64)), "array more: nothing uses it"),
]

INTERFACE = [
    (lambda m: replace(m, inputs=()), "there is no input"),
    (outputs(), "there is no output"),
    (lambda m: replace(m, inputs=m.inputs * 2), "two inputs are tensor 'input'"),
    (outputs("head.output", "head.output"), "two outputs are tensor 'head.output'"),
    (source(tensor="nothing"), "there is no tensor 'nothing'"),
    (outputs("nothing"), "there is no tensor 'nothing'"),
    (source(tensor="embed.output"), "input embed.output: an operation makes it, too"),
    (tensor("input", state=True), "tensor input: is a state, but no append makes it"),
    (source(columns=("a", "b")), "input input: names 2 columns of 3"),
    (source(columns=("a", "b", 3)), "input input: a column's name is 3"),
    (source(columns=("a", "b", "c" * 1001)), "input input: a column's name is 'ccc"),
    (
        source(scaling=Affine((0.0, 0.0), (1.0, 1.0, 1.0))),
        "input input: scaling.offset has 2 numbers for 3 columns",
    ),
    (
        source(scaling=Affine((0.0, 0.0, float("nan")), (1.0, 1.0, 1.0))),
        "input input: scaling.offset is nan, not a finite number",
    ),
    (
        source(scaling=Affine((0.0, 0.0, 0.0), (1.0, 0.0, 1.0))),
        "input input: scaling.scale is 0",
    ),
    (source(relative=(3,)), "input input: a relative column is 3, not a whole number from 0 to 2"),
    (source(relative=(True,)), "input input: a relative column is True, not a whole number"),
    (source(relative=(1, 1)), "input input: two relative columns are '1'"),
    (source(calendar=Calendar(("year",))), "input input: 'year' is no feature of a calendar"),
    (
        source(calendar=Calendar(("month", "month"))),
        "input input: two features of the calendar are 'month'",
    ),
    (
        source(calendar=Calendar(("month",), "Europe/Atlantis")),
        "input input: 'Europe/Atlantis' is no time zone",
    ),
    (source(calendar=Calendar(("month",), "../x")), "input input: '../x' is no time zone"),
    (source(interpolated=1), "input input: interpolated is no boolean"),
    (source(masked=None), "input input: masked is no boolean"),
    (
        source(calendar=Calendar(("month",))),
        "input input: the last columns are not month.sin, month.cos, those of the calendar",
    ),
    (
        source(
            columns=("a", "month.sin", "month.cos"), calendar=Calendar(("month",)), relative=(1,)
        ),
        "input input: a relative column is 1, not a whole number from 0 to 0",
    ),
    (
        source(earlier=EarlierReadings("input", 0, (1, 2, 3))),
        "input input: 'input' is no other input",
    ),
    (decoder(added=LastReading("pool.output", 0)), "output head.output: 'pool.output' is no input"),
    (decoder(added=LastReading("input", 3)), "output head.output: the added column is 3, not a"),
    (outputs("head.output", "input"), "output input: no operation makes it"),
    (
        decoder(quantiles=(0.1, 0.5, 0.9)),
        "output head.output: 2 columns are no steps of 3 quantiles",
    ),
    *(
        (decoder(quantiles=given), "output head.output: the quantiles are not ascending between 0")
        for given in ((0.5, 0.5), (0.9, 0.1), (0.0, 0.5), (0.5, 1.0))
    ),
    (decoder(quantiles=(0.1, math.nan)), "output head.output: a quantile is nan, not a finite"),
    (decoder(target=None), "output head.output: the target's name is None"),
    (
        decoder(scaling=Affine((0.0, 0.0), (1.0,))),
        "output head.output: scaling.scale has 1 numbers for 2 columns",
    ),
]

ORDER = [
    (step("head", name="the head"), "an operation: 'the head' is no name"),
    (step("head", name="pool"), "two operations are called 'pool'"),
    (step("head", operand="nothing"), "Linear head: there is no tensor 'nothing'"),
    (step("head", output="nothing"), "output head.output: no operation makes it"),
    (
        several(outputs("pool.output"), step("head", output="nothing")),
        "Linear head: there is no tensor 'nothing'",
    ),
    (
        reordered(lambda steps: [steps[-1], *steps[:-1]]),
        "Linear head: reads pool.output before it is made",
    ),
    (
        step("embed", residual=f"{AT}.ffn_down.output"),
        f"Linear embed: reads {AT}.ffn_down.output before it is made",
    ),
    (
        several(added(Tensor("more", 4, 3, 8, 1.0, 0)), step("embed", operand="more")),
        "Linear embed: reads more, which nothing makes",
    ),
    (
        doubled({"name": "again"}),
        "Linear again: head.output is made for the second time",
    ),
    (
        several(added(Tensor("more", 1, 2, 8, 1.0, 0)), doubled({"name": "a", "output": "more"})),
        "tensor more: nothing reads it",
    ),
    (added(Tensor("more", 4, 8, 8, 1.0, 0)), "tensor more: nothing makes it"),
]

LINEAR = [
    (step("head", bias=3), "Linear head: bias is 3, not a name"),
    (step("head", residual_multiplier=3), "Linear head: residual_multiplier is 3"),
    (step("head", shift=0), "Linear head: shift is 0, not a whole number from 1 to 24"),
    (step("head", shift=25), "Linear head: shift is 25"),
    (
        tensor("embed.output", rows=5),
        "Linear embed: embed.output has 5 rows, more than the 4 of input",
    ),
    (step("head", weight_bits=9), "Linear head: weight_bits is 9, not a whole number from 2 to 8"),
    (step("head", weight_bits=1), "Linear head: weight_bits is 1"),
    (step("head", weights="nothing"), "Linear head: there is no array 'nothing'"),
    (
        array("head.weights", np.zeros((8, 2), np.int64)),
        r"Linear head: weights head.weights have shape \[8, 2\], not \[2, 8\]",
    ),
    (
        edited("head.weights", (0, 0), 128),
        "Linear head: weights head.weights of 8 bits lie between",
    ),
    (edited("head.weights", (0, 0), -128), "between -128 and .* not between -127 and 127"),
    (
        array("head.bias", np.zeros(3, np.int64)),
        r"Linear head: biases head.bias have shape \[3\], not \[2\] or \[1, 2\]",
    ),
    (
        array("head.multiplier", np.ones((1, 2), np.int64)),
        r"Linear head: multipliers head.multiplier have shape \[1, 2\], not \[2\]",
    ),
    (
        edited("head.multiplier", 0, 2**17),
        "Linear head: multipliers head.multiplier lie between .* not between -131072 and 131071",
    ),
    (step("head", relu=1), "Linear head: relu is no boolean"),
    (step("head", residual_shift=-1), "Linear head: residual_shift is -1"),
    (step("head", residual_shift=49), "Linear head: residual_shift is 49"),
    (step("head", residual=None), "Linear head: has parts of a residual, but no residual"),
    (
        step("head", residual_multiplier=None),
        "Linear head: has a residual without multipliers",
    ),
    (
        array("head.residual", np.ones(1, np.int64)),
        r"Linear head: residual multipliers head.residual have shape \[1\], not \[2\]",
    ),
    (
        edited("head.residual", 0, -(2**17) - 1),
        "Linear head: residual multipliers head.residual lie between -131073",
    ),
    (
        step("head", residual_element=None),
        r"Linear head: input has shape \[4, 3\], not \[4, 2\]",
    ),
    (step("embed", operand_row=1), "Linear embed: operand_row is 1, not a whole number from 0"),
    (step("embed", kernel=2), "Linear embed: embed.output has 4 rows made of 5, more than the 4"),
    (step("embed", kernel=0), "Linear embed: kernel is 0, not a whole number from 1 to 4"),
    (step("embed", stride=5), "Linear embed: stride is 5, not a whole number from 1 to 4"),
    (step("embed", operand_row=-1), "Linear embed: operand_row is -1"),
    (step(f"{AT}.query", operand_row="1"), f"Linear {AT}.query: operand_row is '1'"),
    (step(f"{AT}.attention_out", residual_row=1), "residual_row is 1, not a whole number from"),
    (step(f"{AT}.query", residual_row=1), f"Linear {AT}.query: has parts of a residual"),
    (step("head", residual_row=1), "Linear head: has both residual_row and residual_element"),
    (step("head", residual_element=(1,)), r"Linear head: residual_element is \(1,\), not a row"),
    (step("head", residual_element=(4, 0)), "Linear head: the row of residual_element is 4"),
    (step("head", residual_element=(0, -1)), "Linear head: the column of residual_element is -1"),
]

SUMS = [
    (
        tensor("pool.output", columns=9),
        r"RowSum pool: pool.output has shape \[1, 9\], not \[1, 8\]",
    ),
    (
        tensor("pool.output", bits=9, zero_point=0),
        "RowSum pool: pool.output has 9 bits, too few for a sum of 4 rows",
    ),
    (tensor("pool.output", zero_point=1), "RowSum pool: pool.output has zero point 1, not "),
]

SCORES = [
    (step(f"{AT}.scores", heads=0), f"Scores {AT}.scores: heads is 0"),
    (step(f"{AT}.scores", heads=9), f"Scores {AT}.scores: heads is 9"),
    (step(f"{AT}.scores", heads=3), f"Scores {AT}.scores: 3 heads do not divide 8 columns"),
    (
        step(f"{AT}.scores", operand="input"),
        f"Scores {AT}.scores: 2 heads do not divide 3 columns",
    ),
    (
        several(step(f"{AT}.scores", operand="input", heads=1)),
        rf"Scores {AT}.scores: {AT}.key.output has shape \[4, 8\], not \[4, 3\]",
    ),
    (
        tensor(f"{AT}.key.output", restricted=False),
        f"Scores {AT}.scores: {AT}.key.output takes the place of weights: it must be restricted",
    ),
    (tensor(f"{AT}.key.output", zero_point=1), "key.output takes the place of weights"),
    (tensor(f"{AT}.key.output", bits=9), "key.output takes the place of weights"),
    (
        tensor(f"{AT}.scores.output", rows=4),
        rf"Scores {AT}.scores: {AT}.scores.output has shape \[4, 4\], not \[8, 4\]",
    ),
    (
        tensor(f"{AT}.scores.output", bits=9, zero_point=-256),
        f"Scores {AT}.scores: {AT}.scores.output holds probabilities: it must have 2 to 8 bits",
    ),
    (tensor(f"{AT}.scores.output", zero_point=0), "scores.output holds probabilities"),
    (
        tensor(f"{AT}.scores.output", restricted=True, zero_point=-127),
        "scores.output holds probabilities",
    ),
    (step(f"{AT}.scores", multiplier=0), f"Scores {AT}.scores: multiplier is 0"),
    (step(f"{AT}.scores", multiplier=-(2**17) - 1), "multiplier is -131073"),
    (step(f"{AT}.scores", multiplier="head.multiplier"), "multiplier is 'head.multiplier'"),
    (step(f"{AT}.scores", shift=25), f"Scores {AT}.scores: shift is 25"),
    (step(f"{AT}.scores", table="nothing"), f"Scores {AT}.scores: there is no array 'nothing'"),
    (
        array("exponential8", np.full((1, 4), 255)),
        r"table exponential8 has shape \[1, 4\]",
    ),
    (array("exponential8", np.full(4097, 255)), r"table exponential8 has shape \[4097\]"),
    (edited("exponential8", 5, 256), "entries of table exponential8 lie between 0 and 256"),
    (edited("exponential8", 5, -1), "entries of table exponential8 lie between -1 and 255"),
    (edited("exponential8", 0, 254), "table exponential8 begins with 254, not with 255"),
]

CONTEXT = [
    (
        step(f"{AT}.context", operand=f"{AT}.query.output"),
        f"Context {AT}.context: {AT}.query.output is not what scores of 2 heads make",
    ),
    (
        step(f"{AT}.context", heads=1),
        f"Context {AT}.context: {AT}.scores.output is not what scores of 1 heads make",
    ),
    (
        step(f"{AT}.context", value="input"),
        rf"Context {AT}.context: input has shape \[4, 3\], not \[4, 8\]",
    ),
    (
        step(f"{AT}.context", value=f"{AT}.query.output"),
        f"Context {AT}.context: {AT}.query.output takes the place of weights",
    ),
    (
        tensor(f"{AT}.context.output", rows=5),
        rf"Context {AT}.context: {AT}.context.output has shape \[5, 8\], not \[4, 8\]",
    ),
    (
        tensor(f"{AT}.context.output", columns=9),
        f"Context {AT}.context: 2 heads do not divide 9 columns",
    ),
    (step(f"{AT}.context", numerator=0), f"Context {AT}.context: numerator is 0"),
    (step(f"{AT}.context", numerator=255 << 17), "numerator is 33423360, not a whole number"),
    (step(f"{AT}.context", shift=0), f"Context {AT}.context: shift is 0"),
]

METADATA = [
    (metadata(**{f"x{i}": 0 for i in range(99)}), "metadata has 101 entries"),
    (metadata(**{"k" * 1001: 0}), "a key of the metadata is 'kkk"),
    (metadata(target="t" * 1001), "metadata 'target' is 'ttt"),
    (metadata(loss=float("nan")), "metadata 'loss' is nan, not a finite number"),
    (metadata(window=2**63), "metadata 'window' is 9223372036854775808, not a whole number"),
    (metadata(window=[4]), r"metadata 'window' is \[4\], not a whole number"),
]


@pytest.mark.parametrize(
    ("change", "message"),
    [*TENSORS, *ARRAYS, *INTERFACE, *ORDER, *LINEAR, *SUMS, *SCORES, *CONTEXT, *METADATA],
)
def test_a_broken_rule_is_named(model: IntegerModel, change: Change, message: str) -> None:
    analyse(model)
    with pytest.raises(ValueError, match=message) as caught:
        analyse(change(model))
    line = str(caught.value)
    assert "\n" not in line and len(line) <= 180
    assert re.match(r"(a |an |two |there |tensor |array |input |output |metadata |[A-Z])", line)


def deep(bits: int, inner: int, weight: int) -> IntegerModel:
    """A product of ``inner`` numbers of so many bits with one weight, and a multiplier of 1."""
    graph = GraphBuilder()
    spec = graph.build(graph.linear("wide", graph.input("in", 1, inner), 1))
    model = random_graph(spec, (8,), 0, widths={"in": bits}, symmetric={"in"})
    arrays = {
        "wide.weights": np.full((1, inner), weight),
        "wide.bias": np.zeros(1, np.int64),
        "wide.multiplier": np.ones(1, np.int64),
    }
    return several(step("wide", shift=1), lambda m: replace(m, arrays=arrays))(model)


def test_sums_of_more_than_53_bits_are_refused() -> None:
    wide = deep(24, 16_384, 127)  # 2^23 * 2^14 * 127 takes 44 bits
    analyse(wide)
    analyse(edited("wide.multiplier", 0, 255)(wide))
    with pytest.raises(ValueError, match="Linear wide: its sums may take 54 bits, more than 53"):
        analyse(edited("wide.multiplier", 0, 400)(wide))


def test_a_sum_is_refused_even_if_its_product_would_pass_64_bits() -> None:
    wide = edited("wide.multiplier", 0, 2**17 - 1)(deep(24, 1 << 16, 127))
    with pytest.raises(ValueError, match="Linear wide: its sums may take 64 bits, more than 53"):
        analyse(wide)


def test_a_raised_residual_counts() -> None:
    model = random_graph(random_spec(0), (8,), 0)
    analyse(model)
    shape = random_model(Shape(4, 3, 8, relative=(1,)), (8,), 1)
    with pytest.raises(ValueError, match="Linear head: its sums may take"):
        analyse(step("head", residual_shift=48)(shape))


CLASS, SCORE = "class.output", "score.output"
DECISIONS = [
    (
        several(decode(CLASS), step("class", operand="in")),
        "ArgMax class: reads in, which no Linear makes",
    ),
    (step("score", operand="in"), r"L1Norm score: reads in, which no Linear makes"),
    (
        step("score", operand="scores.output"),
        "ArgMax class: reads scores.output, which score reads, too",
    ),
    (
        step("errors", residual="scores.output", residual_multiplier="errors.multiplier"),
        "ArgMax class: reads scores.output, which errors reads, too",
    ),
    (outputs("scores.output", CLASS, SCORE), "reads scores.output, which is an output"),
    (outputs(SCORE), f"ArgMax class: {CLASS} is no output of the model"),
    (
        step("errors", operand=CLASS),
        f"ArgMax class: errors reads {CLASS}, which is for a host",
    ),
    (tensor(CLASS, bits=10), f"ArgMax class: {CLASS} has bits 10, not 9"),
    (tensor(CLASS, bits=8), f"ArgMax class: {CLASS} has bits 8, not 9"),
    (tensor(CLASS, scale=0.5), f"ArgMax class: {CLASS} has scale 0.5, not"),
    (tensor(CLASS, zero_point=1), f"ArgMax class: {CLASS} has zero_point 1, not 0"),
    (tensor(CLASS, restricted=True), f"ArgMax class: {CLASS} has restricted True, not False"),
    (tensor(CLASS, columns=3), rf"ArgMax class: {CLASS} has shape \[1, 3\], not \[1, 2\]"),
    (tensor(SCORE, rows=2), rf"L1Norm score: {SCORE} has shape \[2, 2\], not \[1, 2\]"),
    (tensor(SCORE, bits=11), f"L1Norm score: {SCORE} has bits 11, not 10"),
    (step("score", threshold=-1), "L1Norm score: threshold is -1, not a whole number from 0 to 3"),
    (step("score", threshold=385), "L1Norm score: threshold is 385, not a whole number from 0 to"),
    (step("score", threshold=1.0), "L1Norm score: threshold is 1.0, not a whole number"),
    (decode(CLASS, Detection(("x",))), f"output {CLASS}: has a Detection, but ArgMax class makes"),
    (decode(SCORE, Classification("x", ("a",) * 3)), f"{SCORE}: has a Classification, but L1Norm"),
    (decode(SCORE, Forecast("x", Affine((0, 0), (1, 1)))), f"output {SCORE}: has a Forecast, but"),
    (decode(CLASS, Classification("x", ("a", "b"))), f"{CLASS}: has 2 labels for 3 columns"),
    (decode(CLASS, Classification("x", ("a", "b", "a"))), f"output {CLASS}: two labels are 'a'"),
    (decode(CLASS, Classification("x", ("a", "b", "c" * 1001))), f"{CLASS}: a label is 'ccc"),
    (decode(CLASS, Classification(None, ("a", "b", "c"))), f"{CLASS}: the target's name is None"),
    (decode(SCORE, Detection(("x", 3))), f"output {SCORE}: a target's name is 3"),
]


Y = Forecast("y", Affine((0.0,), (1.0,)))
SERIES = [
    (source(shared=-1), "input input: shared is -1, not a whole number from 0 to 4"),
    (source(shared=5), "input input: shared is 5, not a whole number from 0 to 4"),
    (source(shared=True), "input input: shared is True, not a whole number"),
    (source(shared=0), "input input: 0 columns are shared, but the calendar has 2"),
    (source(shared=1), "input input: 1 columns are shared, but the calendar has 2"),
    (source(shared=None), "input input: names 4 columns of 5"),
    (source(masked=True), "input input: 2 columns are no 2 of each of 2 series"),
    (tensor("input", rows=3), "input input: 2 columns are no 1 of each of 3 series"),
    (tensor("input", columns=2), "input input: 2 columns are no window of a series and 2 shared"),
    (source(scaling=Affine((0.0,) * 5, (1.0,) * 5)), "scaling.offset has 5 numbers for 4 columns"),
    (source(relative=(2,)), "input input: a relative column is 2, not a whole number from 0 to 1"),
    (further(shared=1), "input known: 1 columns are shared, but 2 values are known ahead, for 2"),
    (further(shared=None), "input known: has 2 values ahead for 2 x 2 elements"),
    (further(ahead=None), "input known: 2 columns are shared, but the calendar has 0"),
    (
        further(ahead=None, earlier=EarlierReadings("input", 0, (1, 2))),
        "input known: earlier readings are of no series",
    ),
    (decode("own.output", Y), "output own.output: has 1 decoders for 2 rows"),
    (decode("own.output", Y, Y, Y), "output own.output: has 3 decoders for 2 rows"),
    (
        decode("own.output", Y, replace(Y, added=LastReading("input", 0))),
        "output own.output: its rows have other quantiles, or not all add a reading",
    ),
    (
        decode("own.output", replace(Y, quantiles=(0.5,)), Y),
        "output own.output: its rows have other quantiles, or not all add a reading",
    ),
    (
        decode("own.output", *(replace(Y, added=LastReading("input", 4)),) * 2),
        "output own.output: the added column is 4, not a whole number from 0 to 3",
    ),
]


@pytest.mark.parametrize(("change", "message"), SERIES)
def test_series(change: Change, message: str) -> None:
    """Two series of three rows, which share a calendar and two values ahead."""
    calendar, scaling = Calendar(("month",)), Affine((0.0,) * 4, (1.0,) * 4)
    columns = ("a", "b", *calendar.columns)
    made = random_model(Shape(3, 4, 4, targets=2, known=2, series=True, shared=2), (8,), 1)
    given = source(columns=columns, scaling=scaling, calendar=calendar, shared=2, relative=(0, 1))
    known = further(shared=2, ahead=ValuesAhead("input", ("p", "q"), (1, 1)))
    model = several(given, known, decode("own.output", Y, Y))(made)
    analyse(model)
    with pytest.raises(ValueError, match=re.escape(message)) as caught:
        analyse(change(model))
    assert "\n" not in str(caught.value)


@pytest.mark.parametrize(("change", "message"), DECISIONS)
def test_decisions(change: Change, message: str) -> None:
    model = decisions()
    analyse(model)
    with pytest.raises(ValueError, match=message) as caught:
        analyse(change(model))
    assert "\n" not in str(caught.value)


def decisions(columns: int = 3, rows: int = 1) -> IntegerModel:
    """A class and a score, each of as many columns."""
    g = GraphBuilder()
    x = g.input("in", rows, 2)
    made = g.arg_max("class", g.linear("scores", x, columns))
    model = random_graph(
        g.build(made, g.l1_norm("score", g.linear("errors", x, columns))),
        symmetric={"scores.output", "errors.output"},
    )
    labels = Classification("kind", tuple("abcdefg"[:columns]))
    return several(decode(CLASS, labels), decode(SCORE, Detection(("x", "y"))))(model)


def test_a_class_has_a_margin() -> None:
    with pytest.raises(ValueError, match=r"ArgMax class: scores\.output has a single column"):
        analyse(decisions(columns=1))


def test_a_decision_is_on_a_single_row() -> None:
    with pytest.raises(ValueError, match=r"scores\.output has shape \[2, 3\], not \[1, 3\]"):
        analyse(decisions(rows=2))


def test_a_decision_that_takes_too_many_bits_is_refused() -> None:
    graph = GraphBuilder()
    row = graph.linear("row", graph.input("in", 1, 1), 2)
    spec = graph.build(graph.arg_max("class", row))
    analyse(random_graph(spec, widths={"row.output": 23}))
    with pytest.raises(ValueError, match=r"tensor class\.output: bits is 25, not a whole number"):
        analyse(random_graph(spec, widths={"row.output": 24}))


KEYS, VALUES = f"{AT}.keys.output", f"{AT}.values.output"
STREAM = [
    (tensor(KEYS, state=False), f"tensor {KEYS}: an append makes it, but it is no state"),
    (outputs("head.output", KEYS), f"output {KEYS}: cannot be a state"),
    (tensor(VALUES, rows=3), f"state {VALUES}: has 3 rows, but {KEYS} has 4"),
    (several(tensor(KEYS, rows=1), tensor(VALUES, rows=1)), f"state {KEYS}: has less than 2 rows"),
    (tensor(KEYS, scale=0.5), rf"Append {AT}.keys: {KEYS} has scale 0.5, but {AT}.key.output has"),
    (tensor(KEYS, bits=7), f"{KEYS} has bits 7, but {AT}.key.output has 8"),
    (tensor(KEYS, columns=7), r"key.output has shape \[1, 8\], not \[1, 7\]"),
    (
        step(f"{AT}.keys", operand="embed.output"),
        f"{KEYS} has restricted True, but embed.output has False",
    ),
    (
        step(f"{AT}.ffn_up", operand=KEYS),
        f"Linear {AT}.ffn_up: reads state {KEYS}, but not as keys or values",
    ),
    (
        step(f"{AT}.values", operand=KEYS),
        f"Append {AT}.values: reads state {KEYS}, but not as keys or values",
    ),
    (
        step(f"{AT}.scores", bias="head.bias"),
        r"Scores .* biases head.bias have shape \[2\], not \[2, 4\]",
    ),
    (step(f"{AT}.scores", bias=3), f"Scores {AT}.scores: bias is 3"),
    (step(f"{AT}.scores", bias=None), f"array {AT}.scores.bias: nothing uses it"),
    (edited(f"{AT}.scores.bias", (0, 0), 2**31), "holds an integer of more than 32 bits"),
    (
        several(tensor(f"{AT}.key.output", rows=2), tensor("embed.output", rows=2)),
        "Linear embed: embed.output has 2 rows, more than the 1 of input",
    ),
]


@pytest.mark.parametrize(("change", "message"), STREAM)
def test_states(change: Change, message: str) -> None:
    shape = Shape(4, 3, 8, heads=2, outputs=2, relative=(1,), kind="stream")
    model = random_model(shape, (8,), 1)
    analyse(model)
    with pytest.raises(ValueError, match=message):
        analyse(change(model))


def attention(*, rows: int, appended: bool) -> IntegerModel:
    g = GraphBuilder()
    x = g.input("in", rows, 4)
    key = g.append("keys", g.linear("key", x, 4, role=Role.LANES, row=0), 3)
    value = g.linear("value", x, 4, role=Role.LANES, row=0 if appended else None)
    value = g.append("values", value, 3) if appended else value
    return random_graph(g.build(g.context("context", g.scores("scores", x, key), value)))


def test_one_query_reads_a_state_and_its_context_another() -> None:
    analyse(attention(rows=1, appended=True))
    with pytest.raises(ValueError, match="Scores scores: 3 rows of in read a state; only one can"):
        analyse(attention(rows=3, appended=True))
    model = attention(rows=3, appended=False)
    tensors = {**model.tensors, "scores.output": replace(model.tensors["scores.output"], rows=1)}
    steps = list(model.operations)
    at = next(i for i, each in enumerate(steps) if each.name == "scores")
    steps[at] = replace(steps[at], operand="key.output")
    tensors["context.output"] = replace(tensors["context.output"], rows=1)
    mixed = replace(model, tensors=tensors, operations=tuple(steps))
    with pytest.raises(ValueError, match=r"value\.output and the keys keys\.output have"):
        analyse(mixed)


def test_two_inputs_of_a_graph_have_names_of_their_own() -> None:
    graph = GraphBuilder()
    a, b = graph.input("a", 1, 1), graph.input("b", 1, 1)
    model = random_graph(graph.build(graph.linear("y", a, 1), graph.linear("z", b, 1)))
    analyse(model)
    first: Input = model.inputs[0]
    with pytest.raises(ValueError, match="two inputs are tensor 'a'"):
        analyse(replace(model, inputs=(first, replace(model.inputs[1], tensor="a"))))


@pytest.mark.parametrize(
    ("earlier", "message"),
    [
        (EarlierReadings("a", 0, (1, 2)), None),
        (EarlierReadings("c", 0, (1, 2)), "input b: 'c' is no other input"),
        (EarlierReadings("a", 3, (1, 2)), "input b: the column of earlier readings is 3, not a"),
        (EarlierReadings("a", 0, (1,)), "input b: has 1 earlier readings for 1 x 2 elements"),
        (EarlierReadings("a", 0, (1, -1)), "input b: the row of an earlier reading is -1, not a"),
        (EarlierReadings("a", 0, (1, 10**7 + 1)), "the row of an earlier reading is 10000001"),
    ],
)
def test_earlier_readings(earlier: EarlierReadings, message: str | None) -> None:
    check_elements(message, earlier=earlier)


@pytest.mark.parametrize(
    ("ahead", "message"),
    [
        (ValuesAhead("a", ("p", "p"), (1, 2)), None),
        (ValuesAhead("a", ("p", "q"), (0, 0)), None),
        (ValuesAhead("b", ("p", "p"), (1, 2)), "input b: 'b' is no other input"),
        (ValuesAhead("a", ("p", "p"), (1,)), "input b: has 1 values ahead for 1 x 2 elements"),
        (ValuesAhead("a", ("p",), (1, 2)), "input b: names 1 columns of 2 values ahead"),
        (ValuesAhead("a", ("p", "p"), (-1, 2)), "input b: the row of a value ahead is -1, not a"),
        (
            ValuesAhead("a", ("p", "p" * 1001), (1, 2)),
            "input b: the column of a value ahead is 'ppp",
        ),
    ],
)
def test_values_ahead(ahead: ValuesAhead, message: str | None) -> None:
    check_elements(message, ahead=ahead)
    both = "input b: has earlier readings and values ahead"
    check_elements(both, ahead=ahead, earlier=EarlierReadings("a", 0, (1, 2)))


def check_elements(message: str | None, **elements: EarlierReadings | ValuesAhead) -> None:
    graph = GraphBuilder()
    a, b = graph.input("a", 4, 3), graph.input("b", 1, 2)
    model = random_graph(graph.build(graph.linear("y", a, 1), graph.linear("z", b, 1)))
    changed = replace(model, inputs=(model.inputs[0], replace(model.inputs[1], **elements)))
    if message is None:
        analyse(changed)
        return
    with pytest.raises(ValueError, match=message):
        analyse(changed)
