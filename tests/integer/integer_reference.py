"""The arithmetic contract in plain Python integers, number by number: slow, and independent."""

from collections.abc import Mapping

from narrowcast.integer import (
    Append,
    ArgMax,
    Context,
    IntegerModel,
    L1Norm,
    Linear,
    RowSum,
    Scores,
)

Table = list[list[int]]
State = dict[str, Table]


def clamp(value: int, low: int, high: int) -> int:
    return min(max(value, low), high)


def shifted(total: int, shift: int) -> int:
    return (total + 2 ** (shift - 1)) // 2**shift


def linear(model: IntegerModel, step: Linear, state: State) -> Table:
    operand, output = model.tensors[step.operand], model.tensors[step.output]
    weights, bias = model.arrays[step.weights].tolist(), model.arrays[step.bias].tolist()
    m = model.arrays[step.multiplier].tolist()
    result = []
    for i in range(output.rows):
        first = step.operand_row + i * step.stride
        row = [a for each in state[step.operand][first : first + step.kernel] for a in each]
        of_row = []
        for c, w in enumerate(weights):
            acc = sum(w[k] * (a - operand.zero_point) for k, a in enumerate(row))
            total = (acc + (bias[i][c] if isinstance(bias[0], list) else bias[c])) * m[c]
            if step.residual is not None and step.residual_multiplier is not None:
                at = step.residual_element or (step.residual_row + i, c)
                r = state[step.residual][at[0]][at[1]] - model.tensors[step.residual].zero_point
                factor = int(model.arrays[step.residual_multiplier][c])
                total += r * factor * 2**step.residual_shift
            y = output.zero_point + shifted(total, step.shift)
            of_row.append(clamp(y, output.zero_point if step.relu else output.low, output.high))
        result.append(of_row)
    return result


def row_sum(step: RowSum, state: State) -> Table:
    return [[sum(column) for column in zip(*state[step.operand], strict=True)]]


def append(model: IntegerModel, step: Append, state: State, kept: State) -> Table:
    """Add a row to those that are kept, and return them behind as many rows of 0 as are absent."""
    output = model.tensors[step.output]
    rows = [*kept.get(step.output, []), state[step.operand][0]][-output.rows :]
    kept[step.output] = rows
    return [[0] * output.columns] * (output.rows - len(rows)) + rows


def scores(model: IntegerModel, step: Scores, state: State, kept: State) -> Table:
    query, output = model.tensors[step.operand], model.tensors[step.output]
    table = model.arrays[step.table].tolist()
    size = query.columns // step.heads
    keys = state[step.key]
    absent = len(keys) - len(kept.get(step.key, keys))
    bias = [[0] * len(keys)] * step.heads
    if step.bias is not None:
        bias = model.arrays[step.bias].tolist()
    result = []
    for head in range(step.heads):
        part = range(head * size, (head + 1) * size)
        for q in state[step.operand]:
            score = [
                sum((q[c] - query.zero_point) * keys[j][c] for c in part) + bias[head][j]
                for j in range(absent, len(keys))
            ]
            of_row = [output.zero_point] * absent
            for s in score:
                index = shifted((s - max(score)) * step.multiplier, step.shift)
                of_row.append(table[clamp(index, 0, len(table) - 1)] + output.zero_point)
            result.append(of_row)
    return result


def context(model: IntegerModel, step: Context, state: State) -> Table:
    operand, output = model.tensors[step.operand], model.tensors[step.output]
    size = output.columns // step.heads
    result: Table = [[0] * output.columns for _ in range(output.rows)]
    for head in range(step.heads):
        for row in range(output.rows):
            e = [v - operand.zero_point for v in state[step.operand][head * output.rows + row]]
            multiplier = step.numerator // sum(e)
            for c in range(head * size, (head + 1) * size):
                acc = sum(p * v[c] for p, v in zip(e, state[step.value], strict=True))
                y = output.zero_point + shifted(acc * multiplier, step.shift)
                result[row][c] = clamp(y, output.low, output.high)
    return result


def arg_max(step: ArgMax, state: State) -> Table:
    (row,) = state[step.operand]
    index = row.index(max(row))
    return [[index, row[index] - max(row[:index] + row[index + 1 :])]]


def l1_norm(model: IntegerModel, step: L1Norm, state: State) -> Table:
    (row,), zero = state[step.operand], model.tensors[step.operand].zero_point
    score = sum(abs(q - zero) for q in row)
    return [[score, int(score > step.threshold)]]


def infer(model: IntegerModel, inputs: Mapping[str, Table], kept: State) -> State:
    """Return all tensors of one inference.

    ``kept`` has the rows of each state that exist, and is brought up to date; after a restart it is
    empty.
    """
    state = dict(inputs)
    for step in model.operations:
        match step:
            case Linear():
                state[step.output] = linear(model, step, state)
            case RowSum():
                state[step.output] = row_sum(step, state)
            case Append():
                state[step.output] = append(model, step, state, kept)
            case Scores():
                state[step.output] = scores(model, step, state, kept)
            case Context():
                state[step.output] = context(model, step, state)
            case ArgMax():
                state[step.output] = arg_max(step, state)
            case L1Norm():
                state[step.output] = l1_norm(model, step, state)
    return state
