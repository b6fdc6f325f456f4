"""Graphs of other shapes than the Transformer's: by hand, and drawn by chance."""

from collections.abc import Callable
from dataclasses import replace

import numpy as np

from narrowcast.compile import Design, HardwareOptions, compile_model
from narrowcast.compile.program import engine_graph
from narrowcast.compile.select import splits
from narrowcast.estimate import area
from narrowcast.integer import (
    ArgMax,
    Classification,
    Detection,
    IntegerModel,
    L1Norm,
    Linear,
    Output,
    analyse,
)
from narrowcast.integer.builder import (
    GraphBuilder,
    GraphSpec,
    LinearSpec,
    Role,
    RowSumSpec,
    Shape,
    transformer,
)
from narrowcast.integer.random_model import random_graph, random_model
from narrowcast.targets.device import Device, load_device


def chain() -> GraphSpec:
    """Linears one after the other, without attention, residual or sum."""
    g = GraphBuilder()
    x = g.linear("one", g.input("input", 5, 3), 7, role=Role.RELU)
    x = g.linear("two", x, 6)
    return g.build(g.linear("three", x, 2))


def no_attention() -> GraphSpec:
    """A feed-forward part with a residual and a sum over rows."""
    g = GraphBuilder()
    x = g.linear("embed", g.input("input", 6, 3), 8, bias_per_row=True)
    up = g.linear("up", x, 12, role=Role.RELU)
    x = g.linear("down", up, 8, residual=x)
    return g.build(g.linear("head", g.row_sum("pool", x), 3))


def attention(g: GraphBuilder, name: str, x: str, heads: int = 1, columns: int = 8) -> str:
    """Add keys, queries, values and a context of one tensor."""
    key = g.linear(f"{name}.key", x, columns, role=Role.LANES)
    query = g.linear(f"{name}.query", x, columns)
    value = g.linear(f"{name}.value", x, columns, role=Role.LANES)
    return g.context(f"{name}.context", g.scores(f"{name}.scores", query, key, heads), value, heads)


def no_residual() -> GraphSpec:
    """Attention, and nothing that is added to it."""
    g = GraphBuilder()
    x = g.linear("embed", g.input("input", 7, 2), 8, bias_per_row=True)
    x = g.linear("out", attention(g, "a", x, 2), 8, role=Role.RELU)
    return g.build(g.linear("head", g.row_sum("pool", x), 1))


def two_attentions_on_one_tensor() -> GraphSpec:
    """Two attentions side by side, of other heads, whose contexts are joined by a residual."""
    g = GraphBuilder()
    x = g.linear("embed", g.input("input", 6, 3), 8)
    a = g.linear("a.out", attention(g, "a", x, 2), 8, residual=x)
    x = g.linear("b.out", attention(g, "b", x, 4), 8, residual=a)
    return g.build(g.linear("head", g.row_sum("pool", x), 2))


def shared_keys() -> GraphSpec:
    """Two queries read one tensor of keys and one of values."""
    g = GraphBuilder()
    x = g.linear("embed", g.input("input", 5, 3), 6)
    key, value = (g.linear(n, x, 6, role=Role.LANES) for n in ("key", "value"))
    first = g.context("c1", g.scores("s1", g.linear("q1", x, 6), key, 2), value, 2)
    x = g.linear("between", first, 6, residual=x)
    second = g.context("c2", g.scores("s2", g.linear("q2", x, 6), key, 3), value, 3)
    return g.build(g.linear("head", g.row_sum("pool", second), 2))


def one_tensor_for_all() -> GraphSpec:
    """Keys are also values, query, residual and the operand of a product."""
    g = GraphBuilder()
    x = g.linear("embed", g.input("input", 6, 2), 8, role=Role.LANES)
    context = g.context("context", g.scores("scores", x, x, 2), x, 2)
    y = g.linear("out", context, 8, residual=x)
    z = g.linear("mix", x, 8, residual=y)
    return g.build(g.linear("head", z, 3))


def rows_of_output() -> GraphSpec:
    """Each token has results of its own."""
    g = GraphBuilder()
    x = g.linear("embed", g.input("input", 9, 2), 6)
    x = g.linear("out", attention(g, "a", x, 1, 6), 6, residual=x)
    return g.build(g.linear("head", x, 3))


def many_results() -> GraphSpec:
    """More results than registers hold."""
    g = GraphBuilder()
    x = g.linear("embed", g.input("input", 12, 3), 8, role=Role.RELU)
    return g.build(g.linear("head", x, 8))


def two_outputs() -> GraphSpec:
    """A result for each row, and one for all of them; the second is made first."""
    g = GraphBuilder()
    x = g.linear("embed", g.input("input", 5, 3), 6)
    one = g.linear("summary", g.row_sum("pool", x), 2)
    return g.build(g.linear("each", x, 2), one)


def output_read_again() -> GraphSpec:
    """A result that is also an operand."""
    g = GraphBuilder()
    x = g.linear("one", g.input("input", 4, 3), 5)
    return g.build(x, g.linear("two", x, 3))


def two_inputs() -> GraphSpec:
    """Queries of one input look at keys and values of another one, with more rows."""
    g = GraphBuilder()
    a, b = g.input("now", 3, 2), g.input("before", 8, 5)
    x, y = g.linear("x", a, 8), g.linear("y", b, 8, bias_per_row=True)
    key, value = (g.linear(n, y, 8, role=Role.LANES) for n in ("key", "value"))
    context = g.context("context", g.scores("scores", x, key, 2), value, 2)
    x = g.linear("out", context, 8, residual=x)
    return g.build(g.linear("head", g.row_sum("pool", x), 2))


def rows_of_different_counts() -> GraphSpec:
    """Attentions of 3 on 7 rows, of 3 on 3, and of 1 on 3: rows of scores differ in length."""
    g = GraphBuilder()
    a, b = g.input("few", 3, 4), g.input("many", 7, 3)
    x, y = g.linear("x", a, 8), g.linear("y", b, 8)
    key, value = (g.linear(f"many.{n}", y, 8, role=Role.LANES) for n in ("key", "value"))
    x = g.linear("one", g.context("c", g.scores("s", x, key, 2), value, 2), 8, residual=x)
    x = g.linear("two", attention(g, "self", x, 2), 8, residual=x)
    query = g.row_sum("pool", x)
    key, value = (g.linear(f"last.{n}", x, 8, role=Role.LANES) for n in ("key", "value"))
    context = g.context("c3", g.scores("s3", query, key, 1), value, 1)
    return g.build(g.linear("head", context, 2))


def straight_from_the_input() -> GraphSpec:
    """Queries, keys and values are products of readings; one reading is added to the result."""
    g = GraphBuilder()
    x = g.input("input", 8, 3)
    x2 = g.linear("out", attention(g, "a", x, 2), 6, role=Role.RELU)
    head = g.linear("head", g.row_sum("pool", x2), 2, residual="input", residual_element=(7, 1))
    return g.build(head)


def elements_of_two_inputs() -> GraphSpec:
    """Single readings of any row are added, also before later ones have come."""
    g = GraphBuilder()
    a, b = g.input("a", 4, 3), g.input("b", 3, 2)
    x = g.linear("x", a, 5, residual="a", residual_element=(0, 2))
    y = g.linear("y", x, 4, residual="b", residual_element=(1, 1))
    z = g.linear("z", b, 4, residual="b", residual_element=(2, 0))
    return g.build(g.linear("head", g.row_sum("s1", y), 2), z)


def several_sums() -> GraphSpec:
    """Sums over rows of three tensors, one of them a sum's neighbour as a residual."""
    g = GraphBuilder()
    x = g.linear("embed", g.input("input", 6, 2), 7)
    y = g.linear("more", x, 7, residual=x)
    first = g.linear("first", g.row_sum("sum1", x), 5)
    second = g.linear("second", g.row_sum("sum2", y), 5, residual=first)
    third = g.linear("third", g.row_sum("sum3", x), 4)
    return g.build(second, third)


def sum_of_the_input() -> GraphSpec:
    """The sum of readings is an operand and a result."""
    g = GraphBuilder()
    total = g.row_sum("total", g.input("input", 5, 4))
    return g.build(total, g.linear("head", total, 3))


def one_row() -> GraphSpec:
    """Everything has a single row."""
    g = GraphBuilder()
    x = g.linear("embed", g.input("input", 1, 4), 6)
    x = g.linear("out", attention(g, "a", x, 2, 6), 6, residual=x)
    return g.build(g.linear("head", x, 1))


def one_column() -> GraphSpec:
    """Tensors of one column, summed up."""
    g = GraphBuilder()
    x = g.linear("embed", g.input("input", 7, 1), 1)
    x = g.linear("more", x, 1, residual=x)
    return g.build(g.linear("head", g.row_sum("pool", x), 1))


def residual_of_an_input() -> GraphSpec:
    """All readings are added to a product."""
    g = GraphBuilder()
    x = g.input("input", 6, 4)
    y = g.linear("up", x, 9, role=Role.RELU)
    return g.build(g.linear("down", y, 4, residual=x))


def residual_twice() -> GraphSpec:
    """One tensor is the residual of two products, which cannot both take its place."""
    g = GraphBuilder()
    x = g.linear("embed", g.input("input", 6, 3), 5)
    a = g.linear("a", x, 5, residual=x)
    b = g.linear("b", a, 5, residual=x)
    c = g.linear("c", b, 5, residual=a, bias_per_row=True)
    return g.build(g.linear("head", c, 2))


def values_behind_another_attention() -> GraphSpec:
    """Scores are known early; their values are made by a second attention."""
    g = GraphBuilder()
    x = g.linear("embed", g.input("input", 20, 3), 6)
    key = g.linear("key", x, 6, role=Role.LANES)
    e = g.scores("scores", g.linear("query", x, 6), key, 1)
    y = g.linear("inner", attention(g, "a", x, 1, 6), 6)
    value = g.linear("value", y, 6, role=Role.LANES)
    return g.build(g.linear("head", g.row_sum("pool", g.context("context", e, value, 1)), 2))


def scores_for_two_values() -> GraphSpec:
    """One tensor of probabilities weights two tensors of values."""
    g = GraphBuilder()
    x = g.linear("embed", g.input("input", 5, 3), 6)
    key = g.linear("key", x, 6, role=Role.LANES)
    e = g.scores("scores", g.linear("query", x, 6), key, 2)
    first = g.context("c1", e, g.linear("v1", x, 6, role=Role.LANES), 2)
    second = g.context("c2", e, g.linear("v2", x, 4, role=Role.LANES), 2)
    y = g.linear("out", first, 4, residual=second)
    return g.build(g.linear("head", g.row_sum("pool", y), 2))


def sums_in_reverse() -> GraphSpec:
    """Sums over rows are outputs, the second one first."""
    g = GraphBuilder()
    first, second = (g.row_sum(f"sum_of_{n}", g.input(n, 4, 2)) for n in ("a", "b"))
    return g.build(second, first)


def outputs_in_reverse() -> GraphSpec:
    """The outputs leave in the reverse of the order in which they can be made."""
    g = GraphBuilder()
    x = g.linear("embed", g.input("input", 18, 3), 6)
    a = attention(g, "a", x, 2, 6)
    total = g.row_sum("pool", a)
    y = g.linear("next", attention(g, "b", a, 1, 6), 6, residual=x)
    return g.build(g.row_sum("last", y), g.linear("rows", y, 2), total, a, x)


def shared_keys_two_values() -> GraphSpec:
    """Two queries share keys, but not values: more rows than multipliers can wait."""
    g = GraphBuilder()
    x = g.linear("embed", g.input("input", 20, 3), 8)
    key = g.linear("key", x, 8, role=Role.LANES)
    contexts = []
    for i in range(2):
        query = g.linear(f"query{i}", x, 8)
        value = g.linear(f"value{i}", x, 8, role=Role.LANES)
        contexts.append(g.context(f"context{i}", g.scores(f"scores{i}", query, key, 2), value, 2))
    return g.build(g.linear("out", contexts[0], 8, residual=contexts[1]))


def query_and_values_of_a_context() -> GraphSpec:
    """Queries are there row by row, values only after all rows of another attention."""
    g = GraphBuilder()
    x = g.linear("embed", g.input("input", 34, 2), 4)
    key, value = (g.linear(f"{n}1", x, 4, role=Role.LANES) for n in ("key", "value"))
    x = g.context("context1", g.scores("scores1", g.linear("query1", x, 4), key), value)
    query, value = g.linear("query2", x, 4), g.linear("value2", x, 4, role=Role.LANES)
    return g.build(
        g.linear("head", g.context("context2", g.scores("scores2", query, key), value), 2)
    )


BITS, RESULT_BITS = (3, 5, 8), 12


def last_token() -> GraphSpec:
    """Two layers, of which the second computes the last of an even number of tokens only."""
    g = GraphBuilder()
    x = g.linear("embed", g.input("input", 6, 3), 8, bias_per_row=True)
    x = g.linear("one", attention(g, "a", x, 2), 8, residual=x)
    key, value = (g.linear(n, x, 8, role=Role.LANES) for n in ("key", "value"))
    query = g.linear("query", x, 8, row=5, bias_per_row=True)
    context = g.context("context", g.scores("scores", query, key, 2), value, 2)
    x = g.linear("two", context, 8, residual=x)
    y = g.linear("up", x, 12, role=Role.RELU)
    x = g.linear("down", y, 8, residual=x)
    return g.build(g.linear("head", x, 2, residual="input", residual_element=(5, 1)))


def last_token_beside_another_input() -> GraphSpec:
    """The last token's result and a product of a single row are added, either to the other."""
    g = GraphBuilder()
    x = g.linear("embed", g.input("input", 4, 3), 5)
    y = g.linear("last", x, 5, row=3, role=Role.RELU, residual=x)
    z = g.linear("other", g.input("further", 1, 4), 5)
    a = g.linear("a", y, 5, residual=z)
    b = g.linear("b", z, 5, residual=y)
    return g.build(g.linear("head", a, 3), b)


def rows_that_nothing_reads() -> GraphSpec:
    """A row in the middle is read, the rest of a tensor is not."""
    g = GraphBuilder()
    x = g.linear("embed", g.input("input", 5, 2), 7)
    y = g.linear("one", x, 7, row=3)
    return g.build(g.linear("two", y, 2), g.linear("three", g.input("unread", 3, 2), 2, row=0))


def convolution() -> GraphSpec:
    """Keys, values and an embedding read three rows at once, and a product the last four."""
    g = GraphBuilder()
    first = g.input("input", 7, 2)
    x = g.linear("embed", first, 8, kernel=3, bias_per_row=True)
    key, value = (g.linear(n, first, 8, role=Role.LANES, kernel=3) for n in ("key", "value"))
    context = g.context("context", g.scores("scores", x, key, 2), value, 2)
    x = g.linear("out", context, 8, residual=x)
    whole = g.linear("whole", first, 3, row=3, kernel=4, residual="input", residual_element=(6, 0))
    last = g.linear("last", x, 5, row=4, role=Role.RELU)
    return g.build(g.linear("head", last, 3, residual=whole))


def patches() -> GraphSpec:
    """Tokens of three rows each, of which the first row of all is none, and of overlapping rows."""
    g = GraphBuilder()
    first = g.input("input", 10, 2)
    x = g.linear("embed", first, 6, kernel=3, stride=3)
    x = g.linear("out", attention(g, "a", x, 2, 6), 6, residual=x)
    y = g.linear("other", g.input("further", 6, 3), 5, kernel=2, stride=4)
    return g.build(g.linear("head", g.row_sum("pool", x), 2), y)


def stream() -> GraphSpec:
    """Two layers that attend to tokens of earlier inferences, with positions as biases by age.

    Two products of one column each are made as their operands leave the epilogue.
    """
    g = GraphBuilder()
    first = g.input("input", 2, 3)
    x = g.linear("embed", first, 8, kernel=2)
    for i, heads in enumerate((2, 4)):
        key, value = (g.linear(f"{n}{i}", x, 8, role=Role.LANES) for n in ("key", "value"))
        keys, values = g.append(f"keys{i}", key, 5), g.append(f"values{i}", value, 5)
        e = g.scores(f"scores{i}", g.linear(f"query{i}", x, 8), keys, heads, bias=True)
        x = g.linear(f"out{i}", g.context(f"context{i}", e, values, heads), 8, residual=x)
    both = g.linear("both", x, 2, residual="input", residual_element=(1, 1))
    up = g.linear("up", x, 12, role=Role.RELU)
    skip = g.linear("skip", x, 1, residual="input", residual_element=(1, 2))
    return g.build(g.linear("head", up, 1, residual=skip), both)


def stream_of_pairs() -> GraphSpec:
    """A stream of which two ways can have every other column each, with an odd number of keys."""
    g = GraphBuilder()
    x = g.linear("embed", g.input("input", 1, 5), 12)
    key, value = (g.linear(n, x, 12, role=Role.LANES) for n in ("key", "value"))
    keys, values = g.append("keys", key, 3), g.append("values", value, 3)
    e = g.scores("scores", g.linear("query", x, 12), keys, 3, bias=True)
    x = g.linear("out", g.context("context", e, values, 3), 12, residual=x)
    up = g.linear("up", x, 14, role=Role.RELU)
    skip = g.linear("skip", x, 1, residual="input", residual_element=(0, 3))
    return g.build(g.linear("head", up, 1, residual=skip))


def states_of_one_tensor() -> GraphSpec:
    """One tensor is kept twice, as keys and as values of other heads, and is an operand as well."""
    g = GraphBuilder()
    x = g.linear("embed", g.input("input", 1, 3), 6, role=Role.LANES)
    one, two = g.append("one", x, 2), g.append("two", x, 2)
    a = g.context("a", g.scores("s1", g.linear("q1", x, 6), one, 2, bias=True), one, 2)
    b = g.context("b", g.scores("s2", g.linear("q2", x, 6), two, 3), two, 3)
    y = g.linear("out", g.linear("sum", a, 6, residual=b), 6, residual=x)
    return g.build(g.linear("head", y, 2), g.linear("read", x, 2))


def last_row_is_kept() -> GraphSpec:
    """What is kept of a window is made of its last row; another input is beside it."""
    g = GraphBuilder()
    x = g.linear("embed", g.input("input", 3, 2), 6)
    key, value = (g.linear(n, x, 6, role=Role.LANES, row=2) for n in ("key", "value"))
    keys, values = g.append("keys", key, 3), g.append("values", value, 3)
    query = g.linear("query", g.input("further", 1, 4), 6)
    context = g.context("context", g.scores("scores", query, keys, 3), values, 3)
    total = g.row_sum("pool", x)
    return g.build(g.linear("head", context, 2), g.linear("rows", x, 2), total)


def biased_scores() -> GraphSpec:
    """Scores with a bias for each key beside others without."""
    g = GraphBuilder()
    x = g.linear("embed", g.input("input", 6, 3), 8)
    key, value = (g.linear(n, x, 8, role=Role.LANES) for n in ("key", "value"))
    e = g.scores("scores", g.linear("query", x, 8), key, 2, bias=True)
    x = g.linear("out", g.context("context", e, value, 2), 8, residual=x)
    x = g.linear("again", attention(g, "b", x, 4), 8, residual=x)
    return g.build(g.linear("head", g.row_sum("pool", x), 2))


def one_class() -> GraphSpec:
    """A class, decided by the sum over rows."""
    g = GraphBuilder()
    x = g.linear("embed", g.input("input", 6, 3), 8, role=Role.RELU)
    return g.build(g.arg_max("class", g.linear("head", g.row_sum("pool", x), 5)))


def deviation_of_a_stream() -> GraphSpec:
    """How much the readings of a stream differ from what earlier ones let expect."""
    g = GraphBuilder()
    first = g.input("input", 1, 5)
    x = g.linear("embed", first, 8)
    key, value = (g.linear(n, x, 8, role=Role.LANES) for n in ("key", "value"))
    keys, values = g.append("keys", key, 4), g.append("values", value, 4)
    e = g.scores("scores", g.linear("query", x, 8), keys, 2, bias=True)
    context = g.context("context", e, values, 2)
    return g.build(g.l1_norm("score", g.linear("errors", context, 5, residual=first)))


def deviation_of_one_column() -> GraphSpec:
    """A score of one number, which is made on the way; two ways can have a token."""
    g = GraphBuilder()
    x = g.linear("embed", g.input("input", 1, 4), 8)
    key, value = (g.linear(n, x, 8, role=Role.LANES) for n in ("key", "value"))
    keys, values = g.append("keys", key, 4), g.append("values", value, 4)
    e = g.scores("scores", g.linear("query", x, 8), keys, 2)
    up = g.linear("up", g.context("context", e, values, 2), 6)
    return g.build(g.l1_norm("score", g.linear("error", up, 1)))


def stream_of_pairs_of_results() -> GraphSpec:
    """A stream whose results come in pairs, of two ways, beside one that is made on the way."""
    g = GraphBuilder()
    first = g.input("input", 1, 5)
    x = g.linear("embed", first, 8)
    key, value = (g.linear(n, x, 8, role=Role.LANES) for n in ("key", "value"))
    keys, values = g.append("keys", key, 4), g.append("values", value, 4)
    e = g.scores("scores", g.linear("query", x, 8), keys, 2, bias=True)
    x = g.linear("out", g.context("context", e, values, 2), 8, residual=x)
    up = g.linear("up", x, 6, role=Role.RELU)
    steps = g.linear("steps", up, 6, residual="input", residual_element=(0, 2))
    one = g.linear("one", x, 1)
    return g.build(steps, one, g.linear("further", x, 2))


def decisions_beside_others() -> GraphSpec:
    """Classes and scores in turn with other results, the score of a single number last."""
    g = GraphBuilder()
    x = g.linear("embed", g.input("input", 4, 3), 7, role=Role.RELU)
    pool = g.row_sum("pool", x)
    score = g.l1_norm("score", g.linear("errors", pool, 4))
    rows = g.linear("rows", x, 2)
    first = g.arg_max("first", g.linear("few", x, 2, row=3))
    second = g.arg_max("second", g.linear("many", pool, 9))
    last = g.l1_norm("last", g.linear("error", x, 1, row=0))
    return g.build(score, rows, first, second, g.linear("plain", pool, 1), last)


def a_result_behind_a_score() -> GraphSpec:
    """Plain results that come right behind the numbers of a score."""
    g = GraphBuilder()
    x = g.linear("embed", g.input("input", 3, 2), 4)
    score = g.l1_norm("score", g.linear("errors", x, 3, row=2))
    return g.build(score, g.linear("rows", x, 5))


def series() -> GraphSpec:
    """A token for each series, with results of its own: the sum of four products."""
    shape = Shape(6, 7, 8, heads=2, outputs=2, targets=5, known=1, series=True, shared=2, fold=True)
    return transformer(shape)


GRAPHS: dict[str, Callable[[], GraphSpec]] = {
    each.__name__: each
    for each in (
        *(chain, no_attention, no_residual, two_attentions_on_one_tensor, shared_keys),
        *(one_tensor_for_all, rows_of_output, many_results, two_outputs, output_read_again),
        *(two_inputs, rows_of_different_counts, straight_from_the_input, elements_of_two_inputs),
        *(several_sums, sum_of_the_input, one_row, one_column, residual_of_an_input),
        *(residual_twice, values_behind_another_attention, scores_for_two_values),
        *(sums_in_reverse, outputs_in_reverse, shared_keys_two_values),
        *(query_and_values_of_a_context, last_token, last_token_beside_another_input),
        *(rows_that_nothing_reads, convolution, patches),
        *(stream, stream_of_pairs, states_of_one_tensor, last_row_is_kept, biased_scores),
        *(decisions_beside_others, one_class, deviation_of_one_column, deviation_of_a_stream),
        *(a_result_behind_a_score, stream_of_pairs_of_results, series),
    )
}


def graph_model(name: str) -> IntegerModel:
    """Return an untrained model of one of ``GRAPHS``, the same each time; its results are wide."""
    spec = GRAPHS[name]()
    widths = dict.fromkeys(spec.outputs, RESULT_BITS)
    return random_graph(spec, BITS, list(GRAPHS).index(name), widths=widths)


def with_decoders(model: IntegerModel) -> IntegerModel:
    """Return a model with a decoder for each decision."""

    def decoded(each: Output) -> Output:
        (step,) = (step for step in model.operations if step.output == each.tensor)
        match step:
            case ArgMax():
                labels = tuple(f"class {i}" for i in range(model.tensors[step.operand].columns))
                return replace(each, decoders=(Classification("kind", labels),))
            case L1Norm():
                return replace(each, decoders=(Detection(("x", "y")),))
        return each

    return replace(model, outputs=tuple(map(decoded, model.outputs)))


def drawn_model(
    seed: int, operations: int = 8, most_rows: int = 8, *, decides: bool = False
) -> IntegerModel:
    """Return an untrained model of a drawn graph."""
    return random_graph(drawn_graph(seed, operations, most_rows, decides=decides), BITS, seed)


def drawn_stream(seed: int, most_rows: int = 64, most_channels: int = 64) -> IntegerModel:
    """Return an untrained stream model that is drawn in all respects."""
    random = np.random.default_rng([7, seed])
    heads = int(random.integers(1, 9))
    least, most = -(-8 // heads), max(most_channels // heads, -(-8 // heads))
    kernel, inputs = int(random.choice([1, 1, 1, 2, 3])), int(random.integers(1, 10))
    step = 2 * heads if random.random() < 0.7 else heads  # so that two ways can have a token
    least, most = max(least, step // heads), max(most, step // heads)
    shape = Shape(
        window=int(random.integers(3, most_rows + 1)),
        inputs=inputs,
        channels=heads * int(random.integers(least, most + 1)) // step * step,
        layers=int(random.integers(1, 4)),
        heads=heads,
        outputs=int(random.choice([1, 1, 2, 3])),
        kernel=kernel,
        relative=(int(random.integers(inputs)),) if random.random() < 0.5 else (),
        seasons=int(random.integers(0, 2)),
        known=int(random.integers(0, 2)),
        fold=bool(random.random() < 0.7),
        kind="stream",
    )
    bits = tuple(int(b) for b in random.choice(np.arange(2, 9), random.integers(1, 8)))
    return random_model(shape, bits, seed)


def drawn_series(seed: int, most_series: int = 24, most_channels: int = 32) -> IntegerModel:
    """Return an untrained model with a token for each series that is drawn in all respects."""
    random = np.random.default_rng([13, seed])
    heads = int(random.integers(1, 5))
    series, shared = int(random.integers(2, most_series + 1)), int(random.choice([0, 0, 4, 9]))
    shape = Shape(
        window=int(random.integers(2, 25)),
        inputs=series * int(random.choice([1, 1, 2])) + shared,  # with masks at times
        channels=heads * int(random.integers(1, most_channels // heads + 1)),
        layers=int(random.integers(1, 4)),
        heads=heads,
        ffn_channels=int(random.integers(1, 2 * most_channels)),
        outputs=int(random.choice([1, 1, 2, 5])),
        known=int(random.choice([0, 0, 1, 3])),
        quantiles=int(random.choice([1, 1, 3])),
        targets=series,
        fold=bool(random.random() < 0.7),
        series=True,
        shared=shared,
    )
    bits = tuple(int(b) for b in random.choice(np.arange(2, 9), random.integers(1, 8)))
    return random_model(shape, bits, seed)


def roomy(name: str = "xc7s15") -> Device:
    """Return a device with its own DSP blocks and as much of everything else as is wanted."""
    return replace(load_device(name), lut=10**6, ff=10**6, blocks=2000)


def options_of(model: IntegerModel) -> list[HardwareOptions]:
    """Return what to ask for: nothing, one way, and two where an engine may have them."""
    analysis = engine_graph(analyse(model)).analysis
    several = any(analysis.rows(step) > 1 for step in analysis.products)
    linear = [step for step in analysis.products if isinstance(step, Linear)]
    several = several and not any(step.convolves for step in linear) and not model.states
    several = several or splits(engine_graph(analyse(model)))
    two = [HardwareOptions(lanes=8, ways=2)] if several else []
    return [HardwareOptions(), HardwareOptions(lanes=6, ways=1), *two]


def designs_of(model: IntegerModel) -> list[Design]:
    """Compile a model with each of ``options_of``."""
    return [compile_model(model, roomy(), area, options) for options in options_of(model)]


def drawn_graph(
    seed: int, operations: int = 8, most_rows: int = 8, *, decides: bool = False
) -> GraphSpec:
    """Draw a graph of any valid shape; with decisions among its outputs if wanted."""
    random = np.random.default_rng([11, seed])
    g = GraphBuilder()
    free: list[str] = []  # tensors that anything can read
    lanes: list[str] = []  # keys and values
    for i in range(int(random.integers(1, 3))):
        rows, columns = int(random.integers(1, most_rows + 1)), int(random.integers(1, 7))
        free.append(g.input(f"input{i}", rows, columns))
    read: set[str] = set()

    def pick(names: list[str]) -> str:
        name = str(random.choice(names))
        read.add(name)
        return name

    def in_lanes(name: str, fitting: list[str], operands: list[str], columns: int) -> str:
        """Pick keys or values, or make them of one of some tensors."""
        if fitting and random.random() < 0.5:
            return str(random.choice(fitting))
        whole = [each for each in operands if tokens_of(g)[each] == 0]
        lanes.append(g.linear(name, pick(whole), columns, role=Role.LANES))
        read.add(lanes[-1])
        return lanes[-1]

    def attention_of(i: int, query: str) -> str:
        heads = int(random.integers(1, 4))
        columns, width = (heads * int(random.integers(1, 5)) for _ in range(2))
        query = g.linear(f"query{i}", query, columns)
        read.add(query)
        key = in_lanes(f"key{i}", of_shape(g, lanes, columns=columns), free, columns)
        alike = of_shape(g, lanes, rows=g.tensors[key].rows)
        alike = [n for n in alike if g.tensors[n].columns % heads == 0]
        sources = of_shape(g, free, rows=g.tensors[key].rows)
        value = in_lanes(f"value{i}", alike, sources, width)
        e = g.scores(f"scores{i}", query, key, heads)
        if random.random() < 0.2:
            free.append(g.context(f"again{i}", e, value, heads))
        return g.context(f"context{i}", e, value, heads)

    for i in range(int(random.integers(2, operations))):
        x = pick(free)
        kind = random.random()
        if kind < 0.5:
            columns = int(random.integers(1, 10))
            residual, element = None, None
            row = int(random.integers(g.tensors[x].rows)) if random.random() < 0.25 else None
            if random.random() < 0.5 and (fitting := addable(g, free, x, row)):
                residual = pick(fitting)
                columns = g.tensors[residual].columns
            elif random.random() < 0.3:
                residual = pick(g.inputs)
                tensor = g.tensors[residual]
                element = int(random.integers(tensor.rows)), int(random.integers(tensor.columns))
            new = g.linear(
                *(f"linear{i}", x, columns),
                role=Role.RELU if random.random() < 0.3 else Role.FREE,
                row=row,
                residual=residual,
                residual_element=element,
                bias_per_row=bool(random.random() < 0.3),
            )
        else:
            new = g.row_sum(f"sum{i}", x) if kind < 0.65 else attention_of(i, x)
        free.append(new)
    unread = [name for name in g.inputs if name not in read]
    made = [name for name in [*free, *lanes] if name not in g.inputs]
    made += [g.linear(f"rest{i}", name, 2) for i, name in enumerate(unread)]
    outputs = [name for name in made if name not in read] or [made[-1]]
    if random.random() < 0.3:
        outputs += [name for name in made[:1] if name not in outputs]
    random.shuffle(outputs)
    return g.build(*(decided(g, name, random) if decides else name for name in outputs))


def decided(g: GraphBuilder, name: str, random: np.random.Generator) -> str:
    """Return a decision on the last row of a tensor, or at times the tensor itself."""
    kind, columns = random.choice(["class", "score", "none"]), int(random.integers(2, 10))
    if kind == "none":
        return name
    row = g.linear(f"{name}.row", name, columns, row=g.tensors[name].rows - 1)
    return g.arg_max(f"{name}.class", row) if kind == "class" else g.l1_norm(f"{name}.norm", row)


def addable(g: GraphBuilder, names: list[str], x: str, row: int | None) -> list[str]:
    """Return the tensors whose last rows the engine can add to a product of rows of ``x``."""
    tokens = tokens_of(g)
    rows = g.tensors[x].rows if row is None else 1
    more = {name: g.tensors[name].rows - rows for name in names}
    own = tokens[x] + (row or 0)
    return [name for name in names if more[name] >= 0 and own == tokens[name] + more[name]]


def tokens_of(g: GraphBuilder) -> dict[str, int]:
    """Return the row of an input to which each tensor's first row belongs."""
    tokens = dict.fromkeys(g.tensors, 0)
    for each in g.operations:
        if not isinstance(each, RowSumSpec):
            own = each.operand_row if isinstance(each, LinearSpec) else 0
            tokens[each.output] = tokens[each.operand] + own
    return tokens


def of_shape(
    g: GraphBuilder, names: list[str], rows: int | None = None, columns: int | None = None
) -> list[str]:
    """Return the tensors that have a number of rows, or of columns."""
    tensors = [g.tensors[name] for name in names]
    return [
        each.name
        for each in tensors
        if rows in (None, each.rows) and columns in (None, each.columns)
    ]
