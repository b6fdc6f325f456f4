"""The numbers of ``engine_config.vhd`` that are no widths: sizes, and the words of the jobs."""

from typing import NamedTuple

from narrowcast.compile.allocate import key_stride
from narrowcast.compile.encode import RING_BITS, EncodedJob
from narrowcast.compile.images import Images, JobFormat
from narrowcast.compile.lanes import LaneArray
from narrowcast.compile.memory import Buffer
from narrowcast.compile.program import EngineGraph, Store
from narrowcast.compile.timing import biases_scores
from narrowcast.errors import UserError
from narrowcast.integer.model import L1Norm

WIDEST_WORD = 62  # bits of a job's word


class DecisionConstants(NamedTuple):
    """The numbers of a decision in ``engine_config.vhd``, there with ``DECISION_`` before the name.

    Attributes:
        kind: 0 for ``ArgMax``, 1 for ``L1Norm``, as in ``engine_types.vhd``.
        first: Place of the operand's first word among the results that come.
        place: Place of the decision's first word among those that leave.
        columns: Columns of the operand.
        bits: Width of the operand.
        zero: Zero point of the operand.
        score_bits: Width of the output.
        threshold: Largest score without a flag.
    """

    kind: int
    first: int
    place: int
    columns: int
    bits: int
    zero: int
    score_bits: int
    threshold: int

    @property
    def is_score(self) -> bool:
        """Whether it is a score with a flag, and not a class with a margin."""
        return self.kind == 1


def job_format(jobs: list[EncodedJob], steps: int, deepest: int, array: LaneArray) -> JobFormat:
    """Return the narrowest words that hold all jobs.

    Args:
        jobs: The jobs.
        steps: Number of steps.
        deepest: The largest address of any memory.
        array: The lanes.

    Raises:
        UserError: A word would be too wide.
    """
    lane_index = max(1, (array.columns - 1).bit_length())
    form = JobFormat(
        step=max(1, (steps - 1).bit_length()),
        address=deepest.bit_length() + 1,
        needs=max(1, max(job.needs for job in jobs).bit_length()),
        wait=max(1, max(job.wait for job in jobs).bit_length()),
        slot=max(lane_index, RING_BITS),
        residual_rows=any(job.residual_row != job.y_row for job in jobs),
        position_rows=any(job.position_row != job.y_row for job in jobs),
    )
    if max(form.issue, form.collect) > WIDEST_WORD:
        raise UserError(
            f"the model is too large for the engine: a job would take "
            f"{max(form.issue, form.collect)} bits of {WIDEST_WORD}"
        )
    return form


def sizes(
    graph: EngineGraph, array: LaneArray, wanted: list[tuple[Buffer, str]], images: Images
) -> dict[str, int]:
    """Return all numbers and sizes of the engine; 0 for parts that a graph does not need."""
    words = {buffer.name: buffer.words for buffer, _ in wanted}
    copies = {buffer.name: buffer.copies for buffer, _ in wanted}
    model = graph.model
    lengths = {
        -(-model.tensors[each.scores.output].columns // array.at_once) for each in graph.attentions
    }
    value_lanes = copies.get("values", 0) // array.ways
    return {
        "WAYS": array.ways,
        "COLUMNS": array.columns,
        "PAIR_FIELD": max(1, array.field),
        "GROUPED": int(array.grouped),
        "INPUT_TENSORS": len(model.inputs),
        "INPUT_WORDS": model.input_words,
        "INPUT_ROWS": sum(tensor.rows for tensor in model.input_tensors),
        "INPUT_WORDS_OF_WAY": words["inputs"],
        "ELEMENT_COUNT": len(images.layout.elements),
        "OUTPUTS": model.output_words,
        "RESULT_WORDS": words.get("results", 0),
        "RESULT_PAIRS": int(array.split and graph.results_in_lanes),
        "RESULTS_MADE": sum(model.tensors[name].size for name in graph.results),
        "PLAIN_RESULTS": graph.plain_words,
        "DECISIONS": len(graph.decisions),
        "DECISION_LATE": int(graph.ends_late),
        "SCRATCH_WORDS": words.get("scratch", 0),
        "TOKEN_WORDS": words.get("tokens", 0),
        "POOL_WORDS": words.get("pool", 0),
        "KEY_WORDS": words.get("keys", 0),
        "KEY_LANES": copies.get("keys", 0) // array.at_once**2,
        "VALUE_WORDS": words.get("values", 0),
        "VALUE_LANES": value_lanes,
        "ROW_LENGTH": next(iter(lengths)) if len(lengths) == 1 else 0,
        "MOST_KEYS": max(lengths, default=0),
        "KEPT_ROWS": graph.model.kept_rows,
        "KEPT_KEY_STRIDE": _kept_key_stride(graph, array),
        "SPLIT": int(array.split),
        "RUNNING_SUMS": len(graph.runs),
        "SCORE_BIASES": int(biases_scores(model)),
        "BIAS_WORDS": words.get("biases", 0),
        "POSITION_WORDS": words.get("positions", 0),
        "R_WORDS": words.get("residual multipliers", 0),
    }


def decision_constants(graph: EngineGraph) -> list[DecisionConstants]:
    """Return the numbers of each decision, in the order of the stream."""
    found = []
    come = leave = 0
    for output, result in zip(graph.model.output_tensors, graph.results, strict=True):
        operand = graph.model.tensors[result]
        if (step := graph.decisions.get(output.name)) is not None:
            found.append(
                DecisionConstants(
                    kind=int(isinstance(step, L1Norm)),
                    first=come,
                    place=leave,
                    columns=operand.columns,
                    bits=operand.bits,
                    zero=operand.zero_point,
                    score_bits=output.bits,
                    threshold=step.threshold if isinstance(step, L1Norm) else 0,
                )
            )
        come, leave = come + operand.size, leave + output.size
    return found


def _kept_key_stride(graph: EngineGraph, array: LaneArray) -> int:
    """Return the words of a lane's cache from a key of a state to the next; 0 without states."""
    keys = graph.held(Store.KEYS)
    return key_stride(graph, keys[0], array) if graph.model.states else 0


def job_constants(form: JobFormat, jobs: int, array: LaneArray) -> dict[str, int]:
    """Return the numbers that describe the list of jobs."""
    return {
        "ADDRESS_BITS": form.address,
        "STEP_BITS": form.step,
        "LANE_INDEX_BITS": max(1, (array.columns - 1).bit_length()),
        "RING_BITS": RING_BITS,
        "SLOT_BITS": form.slot,
        "NEEDS_BITS": form.needs,
        "WAIT_BITS": form.wait,
        "RESIDUAL_ROWS": int(form.residual_rows),
        "POSITION_ROWS": int(form.position_rows),
        "JOBS": jobs,
        "JOB_INDEX_BITS": max(1, (jobs - 1).bit_length()),
        "ISSUE_WORD_BITS": form.issue,
        "COLLECT_WORD_BITS": form.collect,
    }
