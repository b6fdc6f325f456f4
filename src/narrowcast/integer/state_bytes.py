"""States as bytes: what an engine with state access gives out, and what it takes back.

Of each inference a host reads the *newest row*: a byte for each column of each state. A whole state
is a count, so many rows, and a checksum (``docs/integer-model.md``, "A state as bytes").
"""

from binascii import crc_hqx
from collections.abc import Sequence

import numpy as np

from narrowcast.integer.execute import State, reset_state
from narrowcast.integer.model import IntegerModel
from narrowcast.integer.validate import check_state

COUNT_BYTES = 2
CHECK_BYTES = 2
CRC_START = 0xFFFF  # of CRC-16/CCITT-FALSE: polynomial 0x1021, not reflected


def row_bytes(model: IntegerModel) -> int:
    """Return the bytes of one row of all states."""
    return sum(tensor.columns for tensor in model.states)


def pack_rows(model: IntegerModel, state: State) -> list[bytes]:
    """Return the rows that exist, oldest first, each as the engine gives it out.

    Raises:
        ValueError: The state is not one of the model.
    """
    check_state(model, state.count, state.rows)
    rows = np.concatenate([state.rows[tensor.name] for tensor in model.states], axis=1)
    return [row.astype(np.int8).tobytes() for row in rows[len(rows) - state.count :]]


def join_rows(rows: Sequence[bytes]) -> bytes:
    """Return the state of which these are the rows, oldest first, as the engine takes it."""
    content = b"".join([len(rows).to_bytes(COUNT_BYTES, "big"), *rows])
    return content + crc_hqx(content, CRC_START).to_bytes(CHECK_BYTES, "big")


def pack_state(model: IntegerModel, state: State) -> bytes:
    """Return a whole state as bytes.

    Raises:
        ValueError: The state is not one of the model.
    """
    return join_rows(pack_rows(model, state))


def unpack_state(model: IntegerModel, content: bytes) -> State:
    """Return the state of some bytes, as the engine takes it.

    Raises:
        ValueError: The engine refuses them, because of their count, length or checksum; or an
            integer is beyond the range of its tensor, which the engine does not look at.
    """
    if len(content) < COUNT_BYTES + CHECK_BYTES:
        raise ValueError(
            f"a state has at least {COUNT_BYTES + CHECK_BYTES} bytes, not {len(content)}"
        )
    count, size = int.from_bytes(content[:COUNT_BYTES], "big"), row_bytes(model)
    if count > model.kept_rows:
        raise ValueError(f"a state of {count} rows: the model keeps {model.kept_rows}")
    wanted = COUNT_BYTES + count * size + CHECK_BYTES
    if len(content) != wanted:
        raise ValueError(f"a state of {count} rows has {wanted} bytes, not {len(content)}")
    if crc_hqx(content, CRC_START):
        raise ValueError("the checksum of the state is wrong")
    state, first = reset_state(model), 0
    state.count = count
    rows = np.frombuffer(content[COUNT_BYTES:-CHECK_BYTES], np.int8).reshape(count, size)
    for tensor in model.states:
        kept = state.rows[tensor.name]
        kept[len(kept) - count :] = rows[:, first : first + tensor.columns]
        first += tensor.columns
    check_state(model, state.count, state.rows)
    return state
