"""Clocks of the engine's pipeline; see the prose of collector.vhd, epilogue.vhd, engine.vhd."""

from narrowcast.integer.model import IntegerModel, Scores

ISSUE_TO_SUM = 6  # an operand pair is issued -> the lanes hold its sum; 1 more if grouped
SUM_TO_TAKE = 2  # ... -> the collector can take its first column
TAKE_TO_VALUE = 1  # a column is taken -> its sum enters the epilogue
VALUE_TO_RESULT = 12  # a sum enters the epilogue -> its result can be taken from the output
VALUE_TO_READ = 13  # ... -> its result can be addressed in a store
VALUE_TO_POOL = 15  # ... -> its result can be addressed in the pool
VALUE_TO_RUN = 17  # the last sum of a row enters the epilogue -> its running sum can be taken
POOL_SPACING = 4  # from a value to the next one that can be added to the same sum
SCORE_TO_BELOW = 5  # the last score of a row -> the row's first difference enters the epilogue
BIAS_TO_SCORE = 2  # the same takes so much longer if scores have biases
BELOW_TO_READ = 15  # a difference enters the epilogue -> its exponential can be addressed
BELOW_TO_DIVIDE = 16  # the last difference of a row -> the row's division, plus its bits
ROW_MULTIPLIER_BITS = 17
INPUT_TO_READ = 3  # a token's last input is taken -> its first job can start
FETCH = 4  # clocks from one job's word to the next one's
MULTIPLIER_RING = 16  # row multipliers that are kept
SHIFTED_RESULTS = 63  # results that registers hold; more of them lie in a memory,
RESULT_BUFFER = 3  # from which they can be taken so many clocks later
NORM_TO_SCORE = 1  # a norm's last number could be taken -> its score can be taken


def biases_scores(model: IntegerModel) -> bool:
    """Return whether any scores of a model have biases."""
    return any(isinstance(step, Scores) and step.bias is not None for step in model.operations)


def score_to_below(model: IntegerModel) -> int:
    """Return the clocks from a row's last score until its first difference enters the epilogue."""
    return SCORE_TO_BELOW + (BIAS_TO_SCORE if biases_scores(model) else 0)
