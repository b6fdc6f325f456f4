"""The graph as the engine runs it: the same results, and one memory for each tensor."""

from dataclasses import replace

import numpy as np
import pytest

from graphs import GRAPHS, drawn_model, graph_model
from narrowcast.compile.legalise import Use, legalise, uses
from narrowcast.compile.tokens import first_tokens
from narrowcast.errors import UserError
from narrowcast.integer import (
    Analysis,
    Context,
    IntegerModel,
    Linear,
    RowSum,
    Scores,
    analyse,
    execute_words,
)
from narrowcast.integer.builder import GraphBuilder, Role
from narrowcast.integer.random_model import random_graph
from words import random_words

MODELS = [*GRAPHS, *range(50)]
SHARED = {Use.OPERAND, Use.RESIDUAL}


def model_of(which: str | int) -> IntegerModel:
    return graph_model(which) if isinstance(which, str) else drawn_model(which)


@pytest.mark.parametrize("which", MODELS)
def test_results_are_the_same(which: str | int) -> None:
    model = model_of(which)
    inputs, results = random_words(model, 200)
    legal = legalise(analyse(model)).model
    assert (execute_words(legal, inputs) == results).all()


def memories(legal: Analysis, name: str) -> list[tuple[Use, str]]:
    """Return how a tensor is read, with what tells the memories of one use apart."""
    model = legal.model
    found = [(Use.RESULT, "") for each in model.outputs if each.tensor == name]
    for step in legal.readers[name]:
        for tensor, use in uses(step):
            if tensor == name:
                own = step.name if isinstance(step, RowSum) else ""
                own = str(step.heads) if use == Use.VALUES and isinstance(step, Context) else own
                found.append((use, own))
    return found


@pytest.mark.parametrize("which", MODELS)
def test_each_tensor_is_read_from_one_memory(which: str | int) -> None:
    legal = legalise(analyse(model_of(which)))
    inputs = {each.tensor for each in legal.model.inputs}
    sums = [step for step in legal.model.operations if isinstance(step, RowSum)]
    for name in legal.model.tensors:
        found = memories(legal, name)
        kinds = {use for use, _ in found}
        if name in inputs:
            assert kinds <= {Use.OPERAND, Use.ELEMENT}
        elif not kinds <= SHARED:
            assert len(set(found)) == 1, (name, found)
        if isinstance(legal.producers.get(name), RowSum):
            assert kinds == {Use.OPERAND}
            assert len(sums) == 1 or len(found) == 1  # the copy that others read
        if Use.PROBABILITIES in kinds:
            assert len(found) == 1
            assert isinstance(legal.producers[name], Scores)


COPIES = {
    "chain": [],
    "two_attentions_on_one_tensor": [],
    "shared_keys": [  # how values lie depends on the heads; a context is not written to the pool
        ("value.output", "value.output.1"),
        ("value.output", "value.output.2"),
        ("c2.output", "c2.output.1"),
    ],
    "one_tensor_for_all": [
        ("embed.output", "embed.output.1"),
        ("embed.output", "embed.output.2"),
    ],
    "two_outputs": [("embed.output", "embed.output.1")],
    "output_read_again": [("one.output", "one.output.1")],
    "straight_from_the_input": [],
    "several_sums": [  # each sum takes the pool for itself, and gives it to the next one
        ("embed.output", "embed.output.1"),
        ("embed.output", "embed.output.2"),
        *((f"sum{i}.output", f"sum{i}.output.1") for i in (1, 2, 3)),
    ],
    "sum_of_the_input": [
        ("input", "input.1"),
        ("total.output", "total.output.1"),
        ("total.output.1", "total.output.1.1"),
    ],
    "residual_of_an_input": [("input", "input.1")],
    "values_behind_another_attention": [("context.output", "context.output.1")],
}


def copies(model: IntegerModel, legal: IntegerModel) -> list[Linear]:
    known = {step.name for step in model.operations}
    new = [step for step in legal.operations if step.name not in known]
    return [step for step in new if isinstance(step, Linear)]


@pytest.mark.parametrize("name", COPIES)
def test_only_what_is_read_in_several_ways_is_copied(name: str) -> None:
    model = graph_model(name)
    found = copies(model, legalise(analyse(model)).model)
    assert sorted((c.operand, c.output) for c in found) == sorted(COPIES[name])


def test_a_copy_is_the_tensor_itself() -> None:
    """Of the narrowest and the widest integers, with any zero point."""
    for bits in (2, 8):
        g = GraphBuilder()
        x = g.linear("one", g.input("input", 9, 5), 7)
        model = random_graph(g.build(x, g.linear("two", x, 3)), (bits,), bits)
        legal = legalise(analyse(model)).model
        (copy,) = copies(model, legal)
        before, after = legal.tensors[copy.operand], legal.tensors[copy.output]
        assert replace(before, name=after.name) == after
        every = np.arange(before.low, before.high + 1) - before.zero_point
        scaled = every[:, None, None] * legal.arrays[copy.weights]
        biased = scaled.sum(axis=1) + legal.arrays[copy.bias]
        rounding = 1 << (copy.shift - 1)
        made = (biased * legal.arrays[copy.multiplier] + rounding) >> copy.shift
        assert (made == every[:, None]).all()


def test_a_name_is_not_taken_twice() -> None:
    g = GraphBuilder()
    x = g.linear("x", g.input("input", 4, 3), 5)
    g.tensors["x.output.1"] = replace(g.tensors[x], name="x.output.1")
    again = g.linear("x.output.1", x, 5)
    model = random_graph(g.build(x, g.linear("two", again, 3)), (8,), 1)
    legal = legalise(analyse(model)).model
    (copy,) = copies(model, legal)
    assert copy.name not in {step.name for step in model.operations}
    assert copy.output not in model.tensors
    inputs, results = random_words(model, 50)
    assert (execute_words(legal, inputs) == results).all()


def test_scores_are_computed_for_each_context() -> None:
    model = graph_model("scores_for_two_values")
    legal = legalise(analyse(model))
    scores = [step for step in legal.model.operations if isinstance(step, Scores)]
    assert len(scores) == 2 and len({step.output for step in scores}) == 2
    assert len({(step.operand, step.key, step.table) for step in scores}) == 1
    assert {legal.context_of(step).name for step in scores} == {"c1", "c2"}


def test_equal_states_of_one_memory_are_one() -> None:
    """Keys of two attentions are kept once, values of other heads each on their own."""
    legal = legalise(analyse(graph_model("states_of_one_tensor")))
    scores = [step for step in legal.model.operations if isinstance(step, Scores)]
    contexts = [step for step in legal.model.operations if isinstance(step, Context)]
    assert [step.key for step in scores] == ["one.output", "one.output"]
    assert len({"one.output", *(step.value for step in contexts)}) == 3
    assert {tensor.name for tensor in legal.model.states} == {
        "one.output",
        *(step.value for step in contexts),
    }


# -------------------------------------------------------------------- refusals


def refusal(model: IntegerModel) -> str:
    with pytest.raises(UserError) as caught:
        legalise(analyse(model))
    text = str(caught.value)
    assert "\n" not in text
    return text


def test_keys_beside_states_are_refused() -> None:
    g = GraphBuilder()
    x = g.input("input", 1, 3)
    key, value = (g.linear(n, x, 3, role=Role.LANES) for n in ("key", "value"))
    kept = g.context(
        "c1", g.scores("s1", x, g.append("keys", key, 2)), g.append("values", value, 2)
    )
    other = g.context("c2", g.scores("s2", x, key), value)
    assert refusal(random_graph(g.build(g.linear("out", kept, 3, residual=other)))) == (
        "Scores s2: in a model with states, the engine keeps all keys, and key.output is no state"
    )


@pytest.mark.parametrize("columns", [2048, 2049])
def test_copies_have_a_limit(columns: int) -> None:
    g = GraphBuilder()
    wide = g.linear("wide", g.input("input", 2, 1), columns)
    sums = g.row_sum("pool", wide), g.row_sum("other", g.linear("narrow", wide, 1))
    spec = g.build(*(g.linear(f"head{i}", each, 1) for i, each in enumerate(sums)))
    analysis = analyse(random_graph(spec, (2,), 0))
    if columns == 2048:
        assert len(legalise(analysis).model.operations) == len(spec.operations) + 3
        return
    with pytest.raises(
        UserError, match=r"wide.output: its readers .* 2048 columns at most, not 20"
    ):
        legalise(analysis)


def scores_model(*, read_by_product: bool) -> IntegerModel:
    g = GraphBuilder()
    x = g.linear("embed", g.input("input", 4, 3), 6)
    e = g.scores("scores", g.linear("query", x, 6), g.linear("key", x, 6, role=Role.LANES), 2)
    if read_by_product:
        return random_graph(g.build(g.linear("mix", e, 3)), (5,), 0)
    spec = g.build(g.linear("head", x, 2))
    return random_graph(replace(spec, outputs=(*spec.outputs, e)), (5,), 0)


def test_probabilities_that_are_no_weights_of_a_context_are_refused() -> None:
    for by_product, reader in ((False, "the host"), (True, "mix")):
        assert refusal(scores_model(read_by_product=by_product)) == (
            f"Scores scores: the engine hands probabilities to a context only, not to {reader}"
        )


@pytest.mark.parametrize("rows", [63, 64])
def test_a_decision_beside_many_results_is_refused(rows: int) -> None:
    g = GraphBuilder()
    x = g.linear("embed", g.input("input", rows, 3), 2)
    model = random_graph(
        g.build(g.linear("head", x, 1), g.arg_max("class", g.linear("y", x, 2, row=0)))
    )
    if rows == 63:
        legalise(analyse(model))
        return
    assert refusal(model) == (
        "ArgMax class: the engine has a decision beside up to 63 integers of other outputs, not 64"
    )


def test_an_element_of_what_is_no_input_is_refused() -> None:
    g = GraphBuilder()
    x = g.linear("embed", g.input("input", 4, 3), 6)
    last = g.linear("last", x, 2, residual=x, residual_element=(1, 5))
    assert refusal(random_graph(g.build(last), (5,), 0)) == (
        "Linear last: the engine adds one number of an input only, not of embed.output"
    )


def sliced(*, key_row: int | None = None, residual_row: int | None = None) -> IntegerModel:
    """Return a model with an attention of keys, or a residual, of rows that begin somewhere."""
    g = GraphBuilder()
    x = g.linear("embed", g.input("input", 4, 3), 4)
    y = g.linear("narrow", x, 4, row=key_row)
    key, value = (g.linear(name, y, 4, role=Role.LANES) for name in ("key", "value"))
    context = g.context("context", g.scores("scores", x, key), value)
    z = g.linear("row", x, 4, row=residual_row) if residual_row is not None else x
    out = g.linear("out", context, 4, row=2, residual=z)
    return random_graph(g.build(g.linear("head", out, 1)))


def test_a_single_row_is_moved_to_where_it_is_added() -> None:
    g = GraphBuilder()
    x = g.linear("embed", g.input("input", 4, 3), 5)
    y = g.linear("last", x, 5, row=3)
    z = g.linear("other", g.input("further", 1, 4), 5)
    model = random_graph(g.build(g.linear("a", y, 5, residual=z), g.linear("b", z, 5, residual=y)))
    legal = legalise(analyse(model)).model
    (moved,) = [step for step in legal.operations if isinstance(step, RowSum)]
    assert moved.operand == "last.output"
    tokens = first_tokens(legal)
    assert tokens["last.output"] == 3 and tokens[moved.output] == 0 == tokens["a.output"]


def test_a_row_that_cannot_be_moved_is_refused() -> None:
    with pytest.raises(UserError, match=r"Linear out: reads what .* row 2 .* to row 1; the"):
        legalise(analyse(sliced(residual_row=1)))
    with pytest.raises(UserError, match=r"Scores scores: key.output begins with row 2 of what it"):
        legalise(analyse(sliced(key_row=2)))
