"""The widths of the engine's numbers, by their names in ``engine_config.vhd``."""

from narrowcast.compile.images import Parameters
from narrowcast.compile.program import EngineGraph, Store
from narrowcast.compile.timing import ROW_MULTIPLIER_BITS
from narrowcast.integer.arithmetic import MULTIPLIER_BITS, signed_bits
from narrowcast.integer.model import Scores


def widths(graph: EngineGraph, parameters: Parameters) -> dict[str, int]:
    """Return the widths. A width is 1 if a model has no such numbers."""
    analysis, model = graph.analysis, graph.model
    limits = analysis.bounds.values()
    operands = analysis.operands.values()
    linear, runs = graph.linear(), graph.runs.values()
    scores = [step for step in analysis.products if isinstance(step, Scores)]
    e_bits = max((model.tensors[s.output].bits for s in scores), default=1)
    index_bits = max((len(model.arrays[s.table]) for s in scores), default=1).bit_length() + 1
    longest = max((model.tensors[s.output].columns for s in scores), default=1)
    pool = _pool_bits(graph)
    of_store = {store: _widest(graph, store) for store in Store}
    residuals = {s.residual for s in linear if s.residual is not None}
    tokens = of_store[Store.TOKENS]
    raised = [s.residual_shift for s in linear if s.residual is not None] or [0]
    position_bits = _range_bits(parameters.contents["positions"])
    bias_bits = max(_range_bits(parameters.contents["biases"]), position_bits)
    numerator = max((each.context.numerator for each in graph.attentions), default=0)
    outputs = max(tensor.bits for tensor in model.output_tensors)
    made = [model.tensors[step.output].bits for step in analysis.products]
    shifts = [step.shift for step in analysis.products]
    return {
        "INPUT_BITS": of_store[Store.INPUTS],
        "OUTPUT_BITS": outputs,
        "X_BITS": max(pool, *(each.x_bits for each in operands)),
        "LANE_BITS": max(each.w_bits for each in operands),
        "KEY_BITS": of_store[Store.KEYS],
        "VALUE_BITS": of_store[Store.VALUES],
        "SCRATCH_BITS": of_store[Store.SCRATCH],
        "TOKEN_BITS": tokens,
        "RESIDUAL_BITS": max(tokens, *(model.tensors[name].bits for name in residuals), 1),
        "POOL_BITS": pool,
        "RUNNING_X_BITS": max((analysis.operands[s.name].x_bits for s in runs), default=1),
        "RUNNING_W_BITS": max((s.weight_bits for s in runs), default=1),
        "SUM_BITS": max(each.sum_bits for each in limits),
        "BIAS_BITS": bias_bits,
        "POSITION_BITS": position_bits,
        "BIASED_BITS": max(each.biased_bits for each in limits),
        # a shift leaves at least the sign
        "TOTAL_BITS": max(max(shifts) + 1, *(each.total_bits for each in limits)),
        "M_BITS": MULTIPLIER_BITS,
        "ROW_M_BITS": ROW_MULTIPLIER_BITS,
        "Y_BITS": max([*made, *([index_bits, e_bits + 1] if scores else [])]),
        "E_BITS": e_bits,
        "ROW_SUM_BITS": (longest * ((1 << e_bits) - 1)).bit_length(),
        "NUMERATOR_BITS": max(numerator.bit_length(), ROW_MULTIPLIER_BITS + 1),
        "SHIFT_LOW": min(shifts),
        "SHIFT_HIGH": max(shifts),
        "UP_LOW": min(raised),
        "UP_HIGH": max(raised),
    }


def _widest(graph: EngineGraph, store: Store) -> int:
    return max((tensor.bits for tensor in graph.held(store)), default=1)


def _pool_bits(graph: EngineGraph) -> int:
    """Return the width of a sum over rows, which also holds all partial sums."""
    terms = [graph.model.tensors[step.operand] for step in graph.sums]
    return max((signed_bits(t.low * t.rows, t.high * t.rows) for t in terms), default=1)


def _range_bits(memories: list[list[int]]) -> int:
    """Return the width that holds all numbers of some memories."""
    numbers = [number for words in memories for number in words]
    return signed_bits(min(numbers), max(numbers)) if numbers else 1
