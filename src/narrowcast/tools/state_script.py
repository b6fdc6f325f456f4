"""What a host does with the states of an engine in a simulation, and what has to come back."""

from dataclasses import dataclass

import numpy as np

from narrowcast.integer.execute import Flags, execute_words, reset_state
from narrowcast.integer.model import Array, IntegerModel
from narrowcast.integer.state_bytes import (
    COUNT_BYTES,
    join_rows,
    pack_rows,
    pack_state,
    row_bytes,
    unpack_state,
)

RESTORED, REFUSED = "restored", "refused"
_OFTEN = 0.2  # share of inferences before which a host does something


@dataclass(frozen=True)
class Turn:
    """One inference.

    Attributes:
        before: What a host does before it, in order: states that it puts back; None stands for a
            reset of the engine.
        keep: Whether it asks for the inference's row.
        answers: What comes back, in order: a verdict on each state, then the bytes of the row, as
            the test benches write them.
    """

    before: tuple[bytes | None, ...]
    keep: bool
    answers: tuple[str, ...]


@dataclass(frozen=True)
class StateScript:
    """The inferences of a simulation.

    Attributes:
        turns: The inferences.
        expected: Words [inferences, output_words] that the executor makes of them.
    """

    turns: tuple[Turn, ...]
    expected: Array


def draw_script(
    model: IntegerModel, inputs: Array, restart: Flags, seed: int, *, refusals: bool = True
) -> StateScript:
    """Draw when a host reads rows, resets the engine and puts states back.

    Args:
        model: The integer model, with states.
        inputs: Words [inferences, input_words].
        restart: bool [inferences], which inferences follow a restart.
        seed: Of the random numbers.
        refusals: Whether some states are damaged, or lost. Otherwise the results are those of a
            host that does nothing of all this.
    """
    random = np.random.default_rng([17, seed])
    state = reset_state(model)
    turns, expected = [], []
    for reading, begins in zip(inputs, restart, strict=True):
        before: list[bytes | None] = []
        answers: list[str] = []
        if random.random() < _OFTEN:
            good = pack_state(model, state)
            choices: list[list[bytes | None]] = [[None, good], [good]]
            if refusals:
                damaged = _damaged(model, good, random)
                choices += [[None], [damaged], [None, damaged], [damaged, good]]
            before = choices[int(random.integers(len(choices)))]
        for action in before:
            state = reset_state(model)
            if action is None:
                continue
            try:
                state = unpack_state(model, action)
                answers.append(RESTORED)
            except ValueError:
                answers.append(REFUSED)
        expected.append(execute_words(model, reading[None], np.array([begins]), state)[0])
        keep = bool(random.random() < 0.5)
        if keep:
            answers.append(" ".join(map(str, pack_rows(model, state)[-1])))
        turns.append(Turn(tuple(before), keep, tuple(answers)))
    return StateScript(tuple(turns), np.array(expected))


def host_of_a_build(
    model: IntegerModel, inputs: Array, restart: Flags | None, *, state_access: bool
) -> StateScript | None:
    """Return what a host does in the simulations of a build; None without access to states.

    The results are those of the same inferences without a host, so they are the test vectors'.
    """
    if not state_access or restart is None:
        return None
    return draw_script(model, inputs, restart, seed=0, refusals=False)


def _damaged(model: IntegerModel, good: bytes, random: np.random.Generator) -> bytes:
    """Return a state that has to be refused."""
    count = int.from_bytes(good[:COUNT_BYTES], "big")
    row = bytes(row_bytes(model))
    at, bit = int(random.integers(len(good))), 1 << int(random.integers(8))
    match int(random.integers(5)):
        case 0:
            return good[: max(1, at)]
        case 1:
            return good + bytes(1 + at % 5)
        case 2:
            return join_rows([row] * (model.kept_rows + 1))
        case 3 if count > 0:  # a row is missing
            return good[:COUNT_BYTES] + good[COUNT_BYTES + len(row) :]
        case _:
            return good[:at] + bytes([good[at] ^ bit]) + good[at + 1 :]
