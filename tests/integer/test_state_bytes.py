"""States as bytes: the contract of docs/integer-model.md, and what is refused."""

import numpy as np
import pytest

from narrowcast.integer import (
    IntegerModel,
    State,
    execute_words,
    join_rows,
    pack_rows,
    pack_state,
    reset_state,
    unpack_state,
)
from narrowcast.integer.builder import Shape
from narrowcast.integer.random_model import random_model
from words import stream_words


def model_of(bits: tuple[int, ...] = (4, 8)) -> IntegerModel:
    return random_model(Shape(4, 2, 6, layers=2, heads=3, kind="stream"), bits, 1)


def crc(content: bytes) -> int:
    """CRC-16/CCITT-FALSE, bit by bit."""
    value = 0xFFFF
    for byte in content:
        for bit in range(7, -1, -1):
            top = (value >> 15) ^ (byte >> bit & 1)
            value = (value << 1 & 0xFFFF) ^ (0x1021 if top else 0)
    return value


def test_the_checksum_is_the_catalogue_s() -> None:
    """The check value of CRC-16/CCITT-FALSE."""
    assert crc(b"123456789") == 0x29B1


@pytest.mark.parametrize("readings", [1, 3, 4, 9])
def test_the_bytes_of_a_state(readings: int) -> None:
    model = model_of()
    inputs, _, _ = stream_words(model, readings)
    state = reset_state(model)
    execute_words(model, inputs, state=state)
    content = pack_state(model, state)
    count = min(readings, 4)
    numbers = [
        int(state.rows[tensor.name][row, column]) & 255
        for row in range(4 - count, 4)
        for tensor in model.states
        for column in range(6)
    ]
    body = bytes([0, count, *numbers])
    assert content == body + crc(body).to_bytes(2, "big")
    again = unpack_state(model, content)
    assert again.count == state.count and again.rows.keys() == state.rows.keys()
    for name, rows in again.rows.items():
        assert rows.dtype == np.int64 and np.array_equal(rows, state.rows[name])


def test_a_host_that_keeps_rows_has_the_state() -> None:
    """The newest rows of the last inferences are the state."""
    model = model_of()
    inputs, _, _ = stream_words(model, 11)
    whole = execute_words(model, inputs)
    state, rows = reset_state(model), list[bytes]()
    for reading in inputs[:7]:
        execute_words(model, reading[None], state=state)
        rows = [*rows, pack_rows(model, state)[-1]][-4:]
    assert join_rows(rows) == pack_state(model, state)
    again = unpack_state(model, join_rows(rows))
    assert np.array_equal(execute_words(model, inputs[7:], state=again), whole[7:])
    assert not np.array_equal(execute_words(model, inputs[7:]), whole[7:])


def test_no_rows_are_the_state_after_a_restart() -> None:
    model = model_of()
    state = unpack_state(model, join_rows([]))
    assert state.count == 0 and not any(rows.any() for rows in state.rows.values())


def test_what_is_refused() -> None:
    model = model_of((4,))
    inputs, _, _ = stream_words(model, 3)
    state = reset_state(model)
    execute_words(model, inputs, state=state)
    good = pack_state(model, state)
    row = pack_rows(model, state)[0]
    for content, message in (
        (b"\0\0\0", "a state has at least 4 bytes, not 3"),
        (join_rows([row] * 5), "a state of 5 rows: the model keeps 4"),
        (good[:-1], "a state of 3 rows has 76 bytes, not 75"),
        (good + b"\0", "a state of 3 rows has 76 bytes, not 77"),
        (good[:9] + bytes([good[9] ^ 1]) + good[10:], "the checksum of the state is wrong"),
        (join_rows([row[:-1] + b"\x88"]), "state layers.1.* holds -120, which is not from -7 to 7"),
    ):
        with pytest.raises(ValueError, match=f"^{message}$"):
            unpack_state(model, content)
    with pytest.raises(ValueError, match="the count of a state is 5"):
        pack_state(model, State(5, state.rows))
