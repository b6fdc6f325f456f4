"""From the integer model to the engine's program, and its schedule to the clock.

Every step of the model becomes one step of the program, or one per head for the attention's
scores and contexts. The engine waits for nothing by itself: the pauses computed here keep data
dependencies and shared units apart, so the cycle count follows by arithmetic.
"""

from dataclasses import dataclass, replace

import numpy as np
from numpy.typing import NDArray

from narrowcast.integer.model import Context, IntegerModel, Linear, Scores, Step

Times = NDArray[np.int64]

# Clocks of the engine's pipeline; see the prose of collector.vhd, epilogue.vhd, engine.vhd.
LAST_TO_VALUE = 8  # the last operand pair of a tile is issued -> its first sum leaves the collector
VALUE_TO_RESULT = 11  # a sum enters the epilogue -> its result can be taken from the output
VALUE_TO_READ = 12  # ... -> its result can be addressed in a store
SCORE_TO_BELOW = 4  # the last score of a row -> the row's first difference enters the epilogue
BELOW_TO_READ = 14  # a difference enters the epilogue -> its exponential can be addressed
BELOW_TO_DIVIDE = 15  # the last difference of a row -> the row's division, plus its bits
ROW_MULTIPLIER_BITS = 17


@dataclass(frozen=True)
class ProgramStep:
    """One step of the program: the loop nest, and what the lanes read.

    Attributes:
        name: the model's step, with the head behind it where there are several.
        source: the model's step.
        head: index of the head; 0 for linear steps.
        rows, tiles, inner, columns: the loop nest; ``columns`` of a whole row.
        wrap: the lane operand repeats after this many (inner, or less for a pooled step).
        tile_pause, row_pause, step_pause: idle clocks.
        start: clock in which the first operand pair is issued; 0 = the first input is taken.
    """

    name: str
    source: Step
    head: int
    rows: int
    tiles: int
    inner: int
    columns: int
    lanes: int
    wrap: int
    tile_pause: int = 0
    row_pause: int = 0
    step_pause: int = 0
    start: int = 0

    @property
    def last_columns(self) -> int:
        """Columns of the last tile of a row."""
        return self.columns - (self.tiles - 1) * self.lanes

    @property
    def tile_period(self) -> int:
        """Clocks from tile to tile within a row."""
        return self.inner + self.tile_pause

    @property
    def row_period(self) -> int:
        """Clocks from row to row."""
        return (self.tiles - 1) * self.tile_period + self.inner + self.row_pause

    @property
    def cycles(self) -> int:
        """Clocks from the first operand pair to the first of the next step."""
        return self.rows * self.row_period - self.row_pause + self.step_pause

    @property
    def macs(self) -> int:
        """Multiply-accumulates."""
        return self.rows * self.inner * self.columns

    @property
    def last_issue(self) -> int:
        """Clock of the last operand pair."""
        return self.start + self.rows * self.row_period - self.row_pause - 1

    def read_offsets(self) -> Times:
        """Clocks after ``start`` at which operand [rows, inner] is first read."""
        result: Times = np.add.outer(np.arange(self.rows) * self.row_period, np.arange(self.inner))
        return result

    def value_times(self) -> Times:
        """Clock at which each sum [rows, columns] leaves the collector."""
        column = np.arange(self.columns)
        tile = column // self.lanes
        in_row = tile * self.tile_period + self.inner - 1 + LAST_TO_VALUE + column % self.lanes
        result: Times = np.add.outer(np.arange(self.rows) * self.row_period, in_row)
        return self.start + result


def _nest(step: Step, head: int, shape: tuple[int, int, int, int], lanes: int) -> ProgramStep:
    """Lay out one loop nest (rows, inner, columns, wrap), with the pauses that it needs alone."""
    rows, inner, columns, wrap = shape
    name = step.name if isinstance(step, Linear) or step.heads == 1 else f"{step.name}.{head}"
    tiles = -(-columns // lanes)
    nest = ProgramStep(name, step, head, rows, tiles, inner, columns, lanes, wrap)
    row_pause = max(0, nest.last_columns - inner)
    nest = replace(nest, tile_pause=max(0, min(lanes, columns) - inner), row_pause=row_pause)
    if isinstance(step, Scores):
        least = max(columns, ROW_MULTIPLIER_BITS + 2)  # a row's division, before the next row's
        nest = replace(nest, row_pause=row_pause + max(0, least - nest.row_period))
    return nest


def _expand(model: IntegerModel, lanes: int) -> list[ProgramStep]:
    """Lay out the loop nests. Attention runs head by head, so heads share their buffers."""
    result = []
    n, size = model.window, model.channels // model.heads
    by_input = {s.operand: s for s in model.steps if isinstance(s, Context)}
    for step in model.steps:
        if isinstance(step, Linear):
            operand = model.tensors[step.operand]
            columns, wrap = model.arrays[step.weights].shape
            rows, inner = (1, operand.rows * wrap) if step.pooled else (operand.rows, wrap)
            result.append(_nest(step, 0, (rows, inner, columns, wrap), lanes))
        elif isinstance(step, Scores):
            context = by_input[step.output]
            for head in range(step.heads):
                result.append(_nest(step, head, (n, size, n, size), lanes))
                result.append(_nest(context, head, (n, n, size, n), lanes))
    return result


def _operand_times(step: ProgramStep, written: dict[str, Times]) -> Times:
    """Return when each operand element [rows, inner] of a step can be addressed at the earliest."""
    source = step.source
    times = written[source.operand]
    if isinstance(source, Linear):
        return times.reshape(step.rows, step.inner)
    if isinstance(source, Scores):
        return times[:, step.head * step.inner : (step.head + 1) * step.inner]
    return times[step.head * step.rows : (step.head + 1) * step.rows]


def schedule(model: IntegerModel, lanes: int) -> tuple[tuple[ProgramStep, ...], int]:
    """Return the program's steps with all pauses set, and the cycles of one inference.

    Cycles count from the clock in which the first input is taken to the clock in which the last
    output is taken, both included, with neither stream held up.
    """
    nests = _expand(model, lanes)
    loaded = model.window * model.inputs
    written: dict[str, Times] = {
        model.input: np.arange(loaded).reshape(model.window, model.inputs) + 2
    }
    for tensor in model.tensors.values():
        if tensor.name != model.input:
            written[tensor.name] = np.zeros((tensor.rows, tensor.columns), np.int64)
    earliest = loaded
    tokens_free = 0
    multipliers = np.zeros(model.window, np.int64)
    done: list[ProgramStep] = []
    for unplaced in nests:
        nest, source = unplaced, unplaced.source
        start = earliest
        ready = _operand_times(nest, written) - nest.read_offsets()
        start = max(start, int(ready.max()))
        first_value = nest.inner - 1 + LAST_TO_VALUE
        if isinstance(source, Scores):
            size = nest.inner
            keys = written[source.key][:, nest.head * size : (nest.head + 1) * size]
            start = max(start, int(keys.max()))
        elif isinstance(source, Linear):
            if source.operand in token_tensors(model):
                start = max(start, tokens_free)
        else:
            rows = np.arange(nest.rows) * nest.row_period + first_value
            start = max(start, int(written[source.value].max()), int((multipliers - rows).max()))
        if done:
            last = done[-1]
            start = max(start, last.last_issue + last.last_columns - nest.inner + 1)
            if isinstance(last.source, Scores):
                # the row still in the softmax has the epilogue, then the store, to itself
                busy_until = _last_below(last) + BELOW_TO_READ - VALUE_TO_READ
                start = max(start, busy_until + 1 - first_value)
            pause = start - last.last_issue - 1
            done[-1] = replace(last, step_pause=pause)
        nest = replace(nest, start=start)
        done.append(nest)
        earliest = nest.last_issue + 1
        values = nest.value_times()
        if isinstance(source, Linear):
            written[source.output][:] = values + VALUE_TO_READ
            if source.residual is not None:
                tokens_free = int(values.max()) + 1
        elif isinstance(source, Scores):
            below = values.max(axis=1, keepdims=True) + SCORE_TO_BELOW + np.arange(nest.columns)
            of_head = slice(nest.head * nest.rows, (nest.head + 1) * nest.rows)
            written[source.output][of_head] = below + BELOW_TO_READ
            multipliers = below[:, -1] + BELOW_TO_DIVIDE + ROW_MULTIPLIER_BITS
        else:
            size = nest.columns
            columns = slice(nest.head * size, (nest.head + 1) * size)
            written[source.output][:, columns] = values + VALUE_TO_READ
    cycles = int(done[-1].value_times().max()) + VALUE_TO_RESULT + model.outputs
    return tuple(done), cycles


def _last_below(scores: ProgramStep) -> int:
    """Clock in which the last difference of a scores step enters the epilogue."""
    return int(scores.value_times().max()) + SCORE_TO_BELOW + scores.columns - 1


def token_tensors(model: IntegerModel) -> set[str]:
    """Tensors that live in the token store: all that are, or are made with, a residual operand."""
    linear = [s for s in model.steps if isinstance(s, Linear)]
    residuals = {s.residual for s in linear if s.residual is not None}
    return residuals | {s.output for s in linear if s.residual is not None}
