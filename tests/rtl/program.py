"""Programs and lists of jobs as constants, for the benches of sequencer and collector."""

from collections.abc import Mapping, Sequence

from narrowcast.compile.emit import aggregate, array_of, scalar, vector
from narrowcast.compile.encode import Destination, EncodedJob, Source
from narrowcast.compile.images import JobFormat

ADDRESS_BITS = 9

# A step that does as little as possible.
STEP: Mapping[str, int] = {
    **dict.fromkeys(("tiles_last", "inner_last", "group_last", "tile_pause"), 0),
    **dict.fromkeys(("x_zero", "lane_source", "lane_base", "lane_stride"), 0),
    **dict.fromkeys(("column_first", "columns_full", "columns_last"), 0),
    **dict.fromkeys(("bias_base", "m_base", "r_base", "y_stride", "block_last"), 0),
    **dict.fromkeys(("has_bias", "bias_per_row", "has_residual", "residual_element"), 0),
    **dict.fromkeys(("row_multiplier", "residual_zero", "residual_shift", "rounding"), 0),
    **dict.fromkeys(("y_zero", "y_low", "y_high", "numerator", "table_base", "e_zero"), 0),
    **dict.fromkeys(("runs_into", "run_base", "takes_run"), 0),
    "x_source": Source.FROM_SCRATCH,
    "column_step": 1,
    "destination": Destination.TO_SCRATCH,
    "shift": 1,
}


def job_format(
    jobs: Sequence[EncodedJob], *, slot: int, residual_rows: bool, position_rows: bool
) -> JobFormat:
    """The format that just holds the jobs."""
    return JobFormat(
        step=max(1, max(job.step for job in jobs).bit_length()),
        address=ADDRESS_BITS,
        needs=max(1, max(job.needs for job in jobs).bit_length()),
        wait=max(1, max(job.wait for job in jobs).bit_length()),
        slot=slot,
        residual_rows=residual_rows,
        position_rows=position_rows,
    )


def declarations(
    form: JobFormat,
    steps: Sequence[Mapping[str, int]],
    jobs: Sequence[EncodedJob],
    columns: int,
    block: int,
    kept_rows: int = 0,
    split: int = 0,
) -> list[str]:
    """What sequencer and collector take of ``engine_config``.

    Args:
        form: of the jobs' words.
        steps: the program.
        jobs: their list.
        columns: lanes of a way.
        block: whether the lists lie in block memory.
        kept_rows: rows of the states, if there are some; then scores have biases, too.
        split: whether columns come in pairs, one of each way.
    """
    words = form.contents(jobs)
    numbers = {
        "COLUMNS": columns,
        "LANE_INDEX_BITS": max(1, (columns - 1).bit_length()),
        "INPUT_ROWS": max(1, sum(job.needs for job in jobs)),
        "ADDRESS_BITS": form.address,
        "STEP_BITS": form.step,
        "SLOT_BITS": form.slot,
        "NEEDS_BITS": form.needs,
        "RESIDUAL_ROWS": int(form.residual_rows),
        "POSITION_ROWS": int(form.position_rows),
        "ISSUE_WORD_BITS": form.issue,
        "COLLECT_WORD_BITS": form.collect,
        "ISSUE_BLOCK": block,
        "COLLECT_BLOCK": block,
        "KEPT_ROWS": kept_rows,
        "SPLIT": split,
        "SCORE_BIASES": int(kept_rows > 0),
        "JOBS": len(jobs),
        "JOB_INDEX_BITS": max(1, (len(jobs) - 1).bit_length()),
    }
    return [
        *(scalar(*each) for each in numbers.items()),
        array_of("BANK_BITS", "natural_array", ["8", "4"]),
        array_of("PROGRAM", "step_array", [aggregate(step) for step in steps]),
        vector("ISSUE_IMAGE", words["jobs, issued"][0], form.issue),
        vector("COLLECT_IMAGE", words["jobs, collected"][0], form.collect),
    ]
