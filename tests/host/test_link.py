"""A link to a board: what it sends, what it makes of answers, and of those that are missing."""

import logging
import re
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

from board import SHA256, Board
from graphs import graph_model, with_decoders
from narrowcast.errors import UserError
from narrowcast.host import Link
from narrowcast.integer import (
    Affine,
    Calendar,
    Forecast,
    IntegerModel,
    LastReading,
    Output,
    execute,
    execute_words,
    forecast,
    save_model,
)
from narrowcast.integer.builder import Shape
from narrowcast.integer.identity import Identity
from narrowcast.integer.loaded_weights import LoadedWeights
from narrowcast.integer.random_model import random_model
from words import random_words, stream_words

CALENDAR = Calendar(("month",))
WINDOW = random_model(Shape(3, 2, 4, outputs=2), (4, 8), 3)
STREAM = random_model(Shape(3, 2, 4, heads=2, kind="stream"), (4, 8), 3)


def test_windows_and_missing_answers() -> None:
    words, expected = random_words(WINDOW, 6)
    board = Board(WINDOW, lost=[1, 2, 7], garbled=[4])
    link = Link(board, WINDOW, SHA256)
    answers = [link.send(each) for each in words]
    assert np.array_equal([each.words for each in answers], expected)
    assert not any(each.restarted for each in answers)
    assert board.begun == [0xAA, *[0xA5] * (len(words) + 4)]
    assert link.rows == []


def test_a_forecast_is_that_of_the_integer_model() -> None:
    shape = Shape(3, 2, 4, outputs=2, targets=2, relative=(1, 0), seasons=1, known=2)
    model = random_model(shape, (4, 8), 3)
    made = [
        Forecast(name, Affine((1.0, 2.0), (3.0, 4.0)), LastReading("input", column))
        for name, column in (("y", 1), ("z", 0))
    ]
    tensors = (each.tensor for each in model.outputs)
    outputs = (Output(tensor, (each,)) for tensor, each in zip(tensors, made, strict=True))
    model = replace(model, outputs=tuple(outputs))
    random = np.random.default_rng(0)
    readings = [random.normal(size=(5, t.rows, t.columns)) for t in model.input_tensors]
    link = Link(Board(model), model, SHA256)
    found = [link.forecast(*(each[i] for each in readings)) for i in range(5)]
    assert np.array_equal(found, forecast(model, *readings))


def test_a_forecast_of_each_series_is_that_of_the_integer_model() -> None:
    model = random_model(Shape(3, 2 * 2 + 2, 4, targets=2, series=True, shared=2), (4, 8), 3)
    (window,), (result,) = model.inputs, model.outputs
    made = tuple(
        Forecast(name, Affine((1.0,), (3.0,)), LastReading("input", column))
        for column, name in enumerate(("y", "z"))
    )
    names, scaling = (*"abcd", *CALENDAR.columns), Affine((0.0,) * 6, (1.0,) * 6)
    arranged = replace(
        *(window,), columns=names, scaling=scaling, calendar=CALENDAR, shared=2, masked=True
    )
    model = replace(model, inputs=(arranged,), outputs=(replace(result, decoders=made),))
    readings = np.random.default_rng(0).normal(size=(5, 3, 6))
    link = Link(Board(model), model, SHA256)
    found = [link.forecast(each) for each in readings]
    assert np.array_equal(found, forecast(model, readings)) and len(found[0]) == 2


def test_a_decision_is_that_of_the_integer_model() -> None:
    model = with_decoders(graph_model("decisions_beside_others"))
    random = np.random.default_rng(0)
    (tensor,) = model.input_tensors
    readings = random.normal(size=(5, tensor.rows, tensor.columns))
    link = Link(Board(model), model, SHA256)
    found = [link.forecast(each) for each in readings]
    given = {tensor.name: readings}
    expected = model.decode(execute(model, model.quantise(given)), given)
    rows = [each.reshape(5, -1) for each in expected.values()]
    assert np.array_equal(found, np.concatenate(rows, axis=1))


def test_a_stream_begins_anew_when_an_answer_is_missing(caplog: pytest.LogCaptureFixture) -> None:
    words, restart = stream_words(STREAM, 12)[0], np.arange(12) == 9
    board = Board(STREAM, lost=[4], garbled=[8])
    link = Link(board, STREAM, SHA256)
    with caplog.at_level(logging.WARNING):
        answers = [link.send(each, restart=flag) for each, flag in pairs(words, restart)]
    assert [i for i, each in enumerate(answers) if each.restarted] == [4, 7]
    restart = restart | np.isin(np.arange(12), [0, 4, 7])
    assert np.array_equal([each.words for each in answers], execute_words(STREAM, words, restart))
    assert [each.getMessage().partition(" that ")[0] for each in caplog.records] == 2 * [
        "board: an answer was missing: a new stretch begins, whose results rest on fewer "
        "readings at first"
    ]


def pairs(words: np.ndarray, restart: np.ndarray) -> list[tuple[np.ndarray, bool]]:
    return list(zip(words, restart.tolist(), strict=True))


def test_with_state_access_nothing_is_lost(caplog: pytest.LogCaptureFixture) -> None:
    words, restart, _ = stream_words(STREAM, 12)
    restart[0] = True
    board = Board(STREAM, access=True, lost=[0, 4, 5, 11], garbled=[8])
    link = Link(board, STREAM, SHA256)
    found = [link.send(each, restart=flag) for each, flag in pairs(words, restart)]
    assert np.array_equal([each.words for each in found], execute_words(STREAM, words, restart))
    assert not any(each.restarted for each in found) and not caplog.records
    assert 0xA9 in board.begun and {0xA5, 0xA6}.isdisjoint(board.begun)

    # a host that switches the board off, and on again
    again = Link(Board(STREAM, access=True), STREAM, SHA256)
    again.restore(link.rows)
    assert np.array_equal(again.send(words[3]).words, link.send(words[3]).words)
    with pytest.raises(ValueError, match=r"a state is up to 3 rows of \d+ bytes"):
        again.restore([b"short"])
    with pytest.raises(UserError, match=r"board: the board has no state access"):
        Link(Board(STREAM), STREAM, SHA256).restore([])


def test_a_board_that_stops_answering() -> None:
    words, _ = random_words(WINDOW, 2)
    link = Link(Board(WINDOW, lost=[1, 2, 3]), WINDOW, SHA256)
    link.send(words[0])
    with pytest.raises(UserError, match=r"^board: the board has stopped answering: 3 frames got"):
        link.send(words[1])
    link.send(words[1])
    with pytest.raises(ValueError, match=r"^a word of input is not in -\d+..\d+$"):
        link.send(words[1] + 1000)


def identity(model: IntegerModel, **others: object) -> bytes:
    return replace(Identity.of(model, SHA256, state_access=False), **others).pack()


@pytest.mark.parametrize(
    ("answer", "said"),
    [
        (b"", "the board does not answer: is it switched on, and has it been loaded with the"),
        (b"hello", "what answers is no board of narrowcast, or disturbs the line: it sent 68 65"),
        (bytes(range(16)), "it sent 00 01 02 03 04 05 06 07 ..."),
        (identity(WINDOW, protocol=2), "speaks version 2 of the protocol, not 1"),
        (identity(WINDOW, digest=bytes(8)), "holds another model, 0000000000000000, not 012345678"),
    ],
)
def test_other_boards_are_refused(answer: bytes, said: str) -> None:
    with pytest.raises(UserError) as caught:
        Link(Board(WINDOW, identity=answer), WINDOW, SHA256)
    assert str(caught.value).startswith("board: ") and said in str(caught.value)


WEIGHTS = LoadedWeights("ab" * 32, bytes(range(200)))


def test_weights_are_loaded_once() -> None:
    words, expected = random_words(WINDOW, 3)
    board = Board(WINDOW, weights=WEIGHTS, damaged=1)
    link = Link(board, WINDOW, SHA256, weights=WEIGHTS)
    assert np.array_equal([link.send(each).words for each in words], expected)
    Link(board, WINDOW, SHA256, weights=WEIGHTS)
    loaded = [0xAA, 0xAC, 0xAB, 0xAC, 0xAB]
    assert board.begun == [*loaded, 0xA5, 0xA5, 0xA5, 0xAA, 0xAC]


def test_a_board_that_was_switched_off_gets_weights_and_state_again() -> None:
    words, restart, expected = stream_words(STREAM, 6)
    restart[:] = False
    expected = execute_words(STREAM, words, np.arange(6) == 0)
    board = Board(STREAM, access=True, weights=WEIGHTS)
    link = Link(board, STREAM, SHA256, weights=WEIGHTS)
    answers = [link.send(each).words for each in words[:4]]
    board.switch_off()
    answers += [link.send(each).words for each in words[4:]]
    assert np.array_equal(answers, expected)
    assert board.begun[-5:] == [0xAC, 0xAB, 0xA9, 0xA7, 0xA7]


def test_a_board_that_takes_no_weights() -> None:
    board = Board(WINDOW, weights=WEIGHTS, damaged=9)
    with pytest.raises(UserError, match=r"^board: the board does not take the weights$"):
        Link(board, WINDOW, SHA256, weights=WEIGHTS)


def test_a_board_that_is_switched_off_for_good(monkeypatch: pytest.MonkeyPatch) -> None:
    board = Board(WINDOW, weights=WEIGHTS)
    link = Link(board, WINDOW, SHA256, weights=WEIGHTS)
    monkeypatch.setattr(board, "read", lambda _: b"")
    said = r"^board: the board has stopped answering: no load of its weights got an answer$"
    with pytest.raises(UserError, match=said):
        link.send(random_words(WINDOW, 1)[0][0])


@pytest.mark.parametrize(
    ("weights", "said"),
    [
        (
            None,
            "takes its weights from a host, and the output folder has none: set hardware.",
        ),
        (replace(WEIGHTS, engine="cd" * 32), "the weights are for another engine than that of the"),
    ],
)
def test_weights_of_another_engine_are_refused(weights: LoadedWeights | None, said: str) -> None:
    board = Board(WINDOW, weights=WEIGHTS)
    with pytest.raises(UserError) as caught:
        Link(board, WINDOW, SHA256, weights=weights)
    assert str(caught.value).startswith("board: ") and said in str(caught.value)
    assert board.begun == [0xAA]


def test_a_refused_board_is_left_alone(tmp_path: Path) -> None:
    save_model(WINDOW, tmp_path)
    board = Board(WINDOW)  # with another digest
    with pytest.raises(UserError, match="holds another model"):
        Link.open(board, tmp_path)
    assert board.closed


def test_the_code_of_the_page_forecasts(monkeypatch: pytest.MonkeyPatch) -> None:
    page = (Path(__file__).parents[2] / "docs" / "host.md").read_text()
    (code,) = re.findall(r"^```python\n(.*?)^```", page, re.MULTILINE | re.DOTALL)
    made = Forecast("y", Affine((1.0, 2.0), (3.0, 4.0)))
    model = replace(WINDOW, outputs=(Output(WINDOW.outputs[0].tensor, (made,)),))
    board = Board(model)
    monkeypatch.setattr(Link, "open", lambda *_: Link(board, model, SHA256))
    readings = np.random.default_rng(0).normal(size=(3, 2))
    names: dict[str, object] = {"readings": readings}
    exec(compile(code, "host.md", "exec"), names)
    found = names["forecast"]
    assert np.array_equal(found, forecast(model, readings[None])[0])  # type: ignore[arg-type]
    assert board.closed
