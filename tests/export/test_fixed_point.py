"""Readings and forecasts in fixed point: C against NumPy, and NumPy against double precision."""

import subprocess
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
from c_programs import compiled

from narrowcast.errors import UserError
from narrowcast.export import CCode, c_code
from narrowcast.export.code import Words
from narrowcast.export.fixed_point import Clock, InputFormat, counts
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
    ValuesAhead,
)
from narrowcast.integer.builder import GraphBuilder
from narrowcast.integer.random_model import random_graph

DIGEST = "0123456789abcdef" * 4
CALENDAR = Calendar(("month", "hour", "weekday"), "Europe/Vienna")


def everything() -> IntegerModel:
    """A model with all that a host may do: changes, masks, a calendar, seasons, values ahead."""
    g = GraphBuilder()
    x = g.linear("x", g.row_sum("sum", g.input("window", 4, 6 + 13)), 5)
    y = g.linear("y", g.input("seasons", 1, 3), 5, residual=x)
    z = g.linear("z", g.input("known", 1, 4), 5, residual=y)
    spec = g.build(g.linear("head", z, 2), g.linear("plain", z, 3))
    widths = {"window": 9, "known": 12, "head.output": 12, "plain.output": 16}
    model = random_graph(spec, (8,), 4, widths=widths)
    others = len(CALENDAR.columns)
    names = ("temp", "count */ ??/", "p", "m1", "m2", "m3", *CALENDAR.columns)
    offsets = (21.5, 0.0, -0.0125, *(0.0,) * 3, *(0.1,) * others)
    scales = (7.3, 16.0, 31.7, *(1.0,) * 3, *(0.7,) * others)
    window = Input(*("window", names, Affine(offsets, scales), (2,), CALENDAR), held=3, masked=True)
    seasons = Input(
        *("seasons", ("p-24", "p-48", "p-168"), Affine((0.25,) * 3, (40.0,) * 3)),
        earlier=EarlierReadings("window", 2, (24, 48, 168)),
    )
    known = Input(
        *("known", ("price+1", "price+2", "wind+1", "wind+2")),
        Affine((1e5, 1e5, 2.0, 2.0), (3.0, 3.0, -1e-3, -1e-3)),
        ahead=ValuesAhead("window", ("price", "price", "wind", "wind"), (1, 2, 1, 2)),
    )
    added = LastReading("window", 2)
    head = Forecast("p", Affine((0.5, -0.25), (30.0, 45.0)), added, (0.2, 0.7))
    plain = Forecast("load", Affine((1e4,) * 3, (100.0, 200.0, -300.0)))
    outputs = Output("head.output", (head,)), Output("plain.output", (plain,))
    return replace(model, inputs=(window, seasons, known), outputs=outputs)


def of_series() -> IntegerModel:
    """Two series, whose rows have changes, masks and the calendar of the last row of the window."""
    shared = len(CALENDAR.columns)
    g = GraphBuilder()
    x = g.input("window", 2, 2 * 3 + shared)
    ahead = g.linear("ahead", g.input("known", 2, 3), 4)
    spec = g.build(g.linear("head", x, 4, residual=ahead), g.linear("plain", x, 2))
    widths = {"window": 9, "known": 10, "head.output": 12, "plain.output": 16}
    model = random_graph(spec, (8,), 4, widths=widths)
    names = ("temp", "p", "m1", "m2", *CALENDAR.columns)
    offsets = (21.5, -0.0125, 0.0, 0.0, *(0.1,) * shared)
    scales = (7.3, 31.7, 1.0, 1.0, *(0.7,) * shared)
    window = Input(
        *("window", names, Affine(offsets, scales), (0, 1), CALENDAR), masked=True, shared=shared
    )
    heads = tuple(
        Forecast(name, Affine((0.5, -0.25) * 2, (scale, 45.0) * 2), added, (0.2, 0.7))
        for name, scale, added in (
            ("temp", 3.0, LastReading("window", 0)),
            ("p", 30.0, LastReading("window", 1)),
        )
    )
    plain = (
        Forecast("load */", Affine((1e4, 1e4), (100.0, -300.0))),
        Forecast("gain", Affine((500.0, -1e3), (0.1, 0.2))),
    )
    known = Input(
        *("known", ("price+1", "price+2", "wind+1"), Affine((1e5, 1e5, 2.0), (3.0, 3.0, -1e-3))),
        ahead=ValuesAhead("window", ("price", "price", "wind"), (1, 2, 1)),
        shared=3,
    )
    outputs = Output("head.output", heads), Output("plain.output", plain)
    return replace(model, inputs=(window, known), outputs=outputs)


def run(folder: Path, code: CCode, body: str, numbers: np.ndarray, results: int) -> np.ndarray:
    """Run a program that reads some numbers a window and prints some."""
    code.write(folder)
    (folder / "main.c").write_text(
        f'#include "{code.name}.h"\n#include <inttypes.h>\n#include <stdio.h>\n'
        'static long next(void) { long n = 0; if (scanf("%ld", &n) != 1) n = -1; return n; }\n'
        f"static {code.name}_input_t inputs; static {code.name}_output_t outputs;\n"
        "int main(void)\n{\n    long windows = next(), window, i, j;\n"
        "    for (window = 0; window < windows; ++window) {\n"
        f"{body}    }}\n    (void)inputs; (void)outputs; (void)i; (void)j; return 0;\n}}\n"
    )
    program = compiled(folder, "main.c", f"{code.name}.c")
    text = " ".join(map(str, [len(numbers), *numbers.ravel().tolist()]))
    done = subprocess.run([program], input=text, capture_output=True, text=True, check=True)
    return np.array(done.stdout.split(), np.int64).reshape(len(numbers), results)


def quantised_in_c(folder: Path, code: CCode, each: InputFormat, numbers: np.ndarray) -> np.ndarray:
    """Return words [windows, rows, columns]; ``numbers`` are the members of a row, row by row."""
    own, rows, size = each.tensor.name, each.rows, each.tensor.size
    kind = f"{code.name}_{own}_row_t"
    read = f"for (j = 0; j < {len(each.readings)}; ++j) "
    body = f"        {kind} rows[{rows}];\n        for (i = 0; i < {rows}; ++i) {{\n"
    body += f"            {read}rows[i].readings[j] = (int32_t)next();\n"
    if each.input.earlier:
        body += "            rows[i].last = (int32_t)next();\n"
    if each.input.masked:
        body += f"            {read}rows[i].missing[j] = (uint8_t)next();\n"
    for name, size_of in (("minute", 16), ("weekday", 8), ("day", 16)):
        if each.calendar:
            body += f"            rows[i].{name} = (uint{size_of}_t)next();\n"
    body += f"        }}\n        {code.name}_quantise_{own}(rows, &inputs);\n"
    body += f'        for (i = 0; i < {size}; ++i) printf("%ld ", (long)inputs.{own}[i]);\n'
    found = run(folder, code, body, numbers, size)
    return found.reshape(len(numbers), each.tensor.rows, -1)


def drawn_counts(each: InputFormat, windows: int, seed: int = 0) -> np.ndarray:
    """Return counts [windows, rows, readings]: anywhere, at the ends, and around the range."""
    random = np.random.default_rng(seed)
    shape = windows, each.rows
    columns = []
    for index, column in enumerate(each.readings):
        reach = round((1 << (each.tensor.bits + column.shift)) / abs(column.multiplier))
        near = column.base + random.integers(-reach, reach + 1, shape)
        near[: windows // 8] = random.integers(-(1 << 31), 1 << 31, (windows // 8, shape[1]))
        near[0], near[1] = -(1 << 31), (1 << 31) - 1
        near[2, : shape[1] // 2], near[3, -1] = -(1 << 31), index - (1 << 31)
        columns.append(np.clip(near, -(1 << 31), (1 << 31) - 1))
    return np.stack(columns, axis=-1)


@pytest.mark.parametrize("given", [{}, {"temp": 4, "p": 0, "price": 10}])
def test_words_are_those_of_the_twin(tmp_path: Path, given: dict[str | None, int]) -> None:
    code = c_code(everything(), DIGEST, fraction_bits=given)
    window, seasons, known = code.formats.inputs
    assert [each.fraction_bits for each in window.readings][::2] == ([4, 0] if given else [25, 15])
    random = np.random.default_rng(1)
    windows = 400
    readings = drawn_counts(window, windows)
    missing = random.integers(0, 2, readings.shape)
    times = [random.integers(*ends, (windows, 4)) for ends in ((0, 1440), (1, 8), (1, 367))]
    numbers = np.concatenate([readings, missing, np.stack(times, axis=-1)], axis=-1)
    found = quantised_in_c(tmp_path, code, window, numbers)
    assert np.array_equal(found, window.words(readings, missing == 1, Clock(*times)))
    earlier, last = drawn_counts(seasons, windows), random.integers(-(1 << 20), 1 << 20, windows)
    numbers = np.concatenate([earlier, last[:, None, None]], axis=-1)
    found = quantised_in_c(tmp_path, code, seasons, numbers)
    assert np.array_equal(found, seasons.words(earlier, last=last))
    ahead = drawn_counts(known, windows)
    assert np.array_equal(quantised_in_c(tmp_path, code, known, ahead), known.words(ahead))


def test_words_of_series_are_those_of_the_twin_and_of_the_model(tmp_path: Path) -> None:
    model = of_series()
    code = c_code(model, DIGEST)
    window, known = code.formats.inputs
    assert (window.rows, len(window.readings)) == (3, 2)
    assert (known.rows, len(known.readings)) == (1, 3)
    random = np.random.default_rng(1)
    readings = drawn_counts(window, 200)
    missing = random.integers(0, 2, readings.shape)
    times = [random.integers(*ends, (200, 3)) for ends in ((0, 1440), (1, 8), (1, 367))]
    numbers = np.concatenate([readings, missing, np.stack(times, axis=-1)], axis=-1)
    found = quantised_in_c(tmp_path, code, window, numbers)
    assert np.array_equal(found, window.words(readings, missing == 1, Clock(*times)))
    minute, weekday, day = (each.ravel() for each in times)
    of_calendar = CALENDAR.values(minute, weekday, day).reshape(200, 3, -1)
    real = np.ldexp(readings, [-each.fraction_bits for each in window.readings])
    ahead = drawn_counts(known, 200)
    ahead_found = quantised_in_c(tmp_path, code, known, ahead)
    assert np.array_equal(ahead_found, known.words(ahead))
    exact = model.quantise(
        {
            "window": np.concatenate([real, missing, of_calendar], axis=-1),
            "known": np.ldexp(ahead, [-each.fraction_bits for each in known.readings]),
        }
    )
    inside = slice(25, None)  # readings before are at the ends of 32 bits
    assert np.array_equal(found[inside], exact["window"][inside])
    assert np.array_equal(ahead_found[inside], exact["known"][inside])
    assert np.array_equal(ahead_found[:, 0], ahead_found[:, 1])


def test_times_that_no_clock_shows_stay_within_the_tables(tmp_path: Path) -> None:
    code = c_code(everything(), DIGEST)
    window = code.formats.inputs[0]
    times = np.array([[1440, 0, 0], [65535, 255, 65535]])
    last = np.array([[1439, 7, 366]] * 2)
    readings = np.zeros((2, 4, 6), int)
    wrong, right = (
        quantised_in_c(
            tmp_path,
            code,
            window,
            np.concatenate([readings, np.repeat(t[:, None], 4, axis=1)], axis=-1),
        )
        for t in (times, last)
    )
    assert np.array_equal(wrong, right)


@pytest.mark.parametrize("model", [everything(), of_series()], ids=["everything", "series"])
def test_forecasts_are_those_of_the_twin(tmp_path: Path, model: IntegerModel) -> None:
    code = c_code(model, DIGEST)
    random = np.random.default_rng(2)
    for each, words_of in zip(code.formats.outputs, code.outputs, strict=True):
        own, size, rows = words_of.name, each.tensor.size, each.tensor.rows
        words = random.integers(each.tensor.low, each.tensor.high + 1, (100, rows, size // rows))
        last = random.integers(-(1 << 31), 1 << 31, (100, rows)) if each.added else None
        body = f"        int32_t found[{size}];\n"
        argument = ""
        if last is not None:
            body += f"        int32_t last[{rows}];\n        for (i = 0; i < {rows}; ++i) "
            body += "last[i] = (int32_t)next();\n"
            argument = "last[0], " if rows == 1 else "last, "
        body += f"        for (i = 0; i < {size}; ++i) outputs.{own}[i] = "
        body += f"({words_of.type.name})next();\n"
        body += f"        {code.name}_decode_{own}(&outputs, {argument}found);\n"
        body += f'        for (i = 0; i < {size}; ++i) printf("%ld ", (long)found[i]);\n'
        flat = words.reshape(100, -1)
        numbers = flat if last is None else np.column_stack([last, flat])
        found = run(tmp_path, code, body, numbers, size).reshape(words.shape)
        assert np.array_equal(found, each.counts(words, last))
        if each.quantiles:
            steps = found.reshape(100, rows, -1, len(each.quantiles))
            assert (np.diff(steps) >= 0).all()


def test_words_are_those_of_double_precision() -> None:
    """A count is a number of double precision: all words of a million are the same."""
    model = everything()
    random = np.random.default_rng(3)
    for each in c_code(model, DIGEST).formats.inputs:
        k = len(each.readings)
        differing = 0
        for index, column in enumerate(each.readings):
            reach = round((1 << (each.tensor.bits + column.shift)) / abs(column.multiplier))
            change = column.base + random.integers(-reach, reach + 1, 100_000)
            last = random.integers(-(1 << 24), 1 << 24) if column.relative else 0
            real = np.ldexp(change.astype(float), -column.fraction_bits)
            own = Affine(each.input.scaling.offset[:k], each.input.scaling.scale[:k])
            scaled = (real - own.offset[index]) / own.scale[index]
            exact = each.tensor.quantise(scaled)
            assert len(np.unique(exact)) > 200
            differing += int((column.words(change + last, last) != exact).sum())
        assert differing == 0


def test_halves_go_to_the_even_word() -> None:
    """Where scales are powers of two, halves are exact, and go where double precision has them."""
    model = everything()
    tensor = replace(model.tensors["window"], scale=0.25)
    model = replace(model, tensors={**model.tensors, "window": tensor})
    column = c_code(model, DIGEST, fraction_bits={"count */ ??/": 1}).formats.inputs[0].readings[1]
    change = np.arange(-200, 200)
    exact = tensor.quantise(change / 2 / 16)
    assert ((change / 2 / 16 / 0.25) % 1 == 0.5).sum() > 40
    assert np.array_equal(column.words(change), exact)


@pytest.mark.parametrize("model", [everything(), of_series()], ids=["everything", "series"])
def test_forecasts_differ_from_double_precision_by_a_count_at_most(model: IntegerModel) -> None:
    random = np.random.default_rng(4)
    for each in c_code(model, DIGEST).formats.outputs:
        shape = 1000, each.tensor.rows, each.tensor.columns
        words = random.integers(each.tensor.low, each.tensor.high + 1, shape)
        found = each.counts(words, np.zeros(shape[:2], int) if each.added else None)
        for i, row in enumerate(each.rows):
            assert isinstance(row.decoder, Forecast)
            real = row.decoder.scaling.invert(each.tensor.dequantise(words[:, i]))
            apart = np.abs(found[:, i] - np.ldexp(row.decoder.ordered(real), row.fraction_bits))
            assert apart.max() < 0.51


def deciding() -> IntegerModel:
    """A class and a score, with their decoders."""
    g = GraphBuilder()
    x = g.input("in", 1, 3)
    made = (
        g.arg_max("which", g.linear("scores", x, 3)),
        g.l1_norm("score", g.linear("errors", x, 5)),
    )
    model = random_graph(g.build(*made), (8,), 4, widths={"in": 8, "errors.output": 16})
    labels = Classification("pump */", ("off", "on ??/", "x" * 80))
    outputs = Output(made[0], (labels,)), Output(made[1], (Detection(("temp", "p")),))
    return replace(model, outputs=outputs)


def test_decisions_are_those_of_the_twin(tmp_path: Path) -> None:
    model = deciding()
    code = c_code(model, DIGEST, fraction_bits={"p": 3})
    assert [each.rows[0].fraction_bits for each in code.formats.outputs] == [28, 3]
    random = np.random.default_rng(5)
    for each, words_of in zip(code.formats.outputs, code.outputs, strict=True):
        whole, amount = (0, 1) if each.labels else (1, 0)
        words = random.integers(0, each.tensor.high + 1, (200, 1, 2))
        words[:, 0, whole] = random.integers(0, 3 if each.labels else 2, 200)
        found = decoded_in_c(tmp_path, code, words_of, words)
        assert np.array_equal(found, each.counts(words)[:, 0])
        exact = model.decode({own.name: words for own in model.output_tensors}, {})[
            words_of.tensor.name
        ]
        assert np.array_equal(found[:, whole], exact[:, 0, whole])
        apart = found[:, amount] - np.ldexp(exact[:, 0, amount], each.rows[0].fraction_bits)
        assert np.abs(apart).max() < 0.51


def decoded_in_c(folder: Path, code: CCode, words_of: Words, words: np.ndarray) -> np.ndarray:
    """Return what the C code makes of the words [windows, 1, columns] of an output."""
    own, size = words_of.name, words_of.tensor.size
    body = f"        int32_t found[{size}];\n        for (i = 0; i < {size}; ++i) "
    body += f"outputs.{own}[i] = ({words_of.type.name})next();\n"
    body += f"        {code.name}_decode_{own}(&outputs, found);\n"
    body += f'        for (i = 0; i < {size}; ++i) printf("%ld ", (long)found[i]);\n'
    return run(folder, code, body, words[:, 0], size)


@pytest.mark.parametrize("name", ["pump */", "temp"])
def test_formats_of_decisions_that_are_refused(name: str) -> None:
    what = "margins" if name == "pump */" else "scores"
    with pytest.raises(UserError, match=f"^60 fractional bits are too many for {what}, from "):
        c_code(deciding(), DIGEST, fraction_bits={name: 60})


def test_counts_are_the_nearest() -> None:
    assert counts(np.array([0.26, -0.26, 1e12, -1e12]), 2).tolist() == [
        *(1, -1, (1 << 31) - 1, -(1 << 31)),
    ]


@pytest.mark.parametrize(
    ("given", "message"),
    [
        ({"tmp": 3}, "--fraction-bits: there is no column 'tmp'"),
        ({None: 65}, "--fraction-bits: 65 is not from -64 to 64"),
        ({"temp": 30}, "30 fractional bits are too many for readings of 'temp', from "),
        ({"price": 20}, "20 fractional bits are too many for readings of 'price+1', from "),
        ({"p": -60}, "-60 fractional bits are too few for changes of 'p': all are equal"),
        ({"load": 31}, "31 fractional bits are too many for forecasts of 'load'"),
    ],
)
def test_formats_that_are_refused(given: dict[str | None, int], message: str) -> None:
    with pytest.raises(UserError) as caught:
        c_code(everything(), DIGEST, fraction_bits=given)
    assert str(caught.value).startswith(message)
