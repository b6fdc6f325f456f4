"""Seventy-six faults, one at a time: which test catches each of them?

A fault is a small change of RTL, compiler, arithmetic or data handling that a programmer might
make. For each, the tree is copied, the text of a file is replaced, and the tests run until one
fails: first those that are likely to catch it, then all that ``make test`` runs. Not a part of
``make test``::

    python tests/mutations.py --json mutations.json
"""

import argparse
import json
import os
import re
import shutil
import subprocess
import sys
import tempfile
import time
from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import asdict, dataclass
from pathlib import Path

ROOT = Path(__file__).parents[1]
RTL, COMPILE, INTEGER, EXPORT, DATA, QUANTIZE = (
    f"src/narrowcast/{name}" for name in ("rtl", "compile", "integer", "export", "data", "quantize")
)
# The lint of the VHDL would see the text, not the fault.
PYTEST = (sys.executable, "-m", "pytest", "-x", "-q", "--deselect", "tests/tools/test_style.py")


@dataclass(frozen=True)
class Mutation:
    """A fault.

    Attributes:
        fault: What is wrong.
        file: Where, from the root of the tree.
        text: What stands there once.
        instead: What stands there with the fault.
        likely: The tests that should catch it.
    """

    fault: str
    file: str
    text: str
    instead: str
    likely: str


MUTATIONS = (
    Mutation(
        "what no longer fits the clamp's comparison wraps",
        f"{RTL}/epilogue.vhd",
        "if (beyond and sign) = '1' or (not beyond and less) = '1' then",
        "if less = '1' then",
        "tests/rtl/test_epilogue.py",
    ),
    Mutation(
        "halves are rounded down",
        f"{RTL}/epilogue.vhd",
        "resize(product, TOTAL_BITS) + rounding;",
        "resize(product, TOTAL_BITS) + rounding - 1;",
        "tests/rtl/test_epilogue.py",
    ),
    Mutation(
        "a reset leaves what is in flight",
        f"{RTL}/epilogue.vhd",
        "        valids <= (others => '0');",
        "        valids(1) <= '0';",
        "tests/rtl/test_epilogue.py",
    ),
    Mutation(
        "the residual's zero point is added",
        f"{RTL}/epilogue.vhd",
        "resize(residual, R_BITS) - resize(r_zero, R_BITS)",
        "resize(residual, R_BITS) + resize(r_zero, R_BITS)",
        "tests/rtl/test_epilogue.py",
    ),
    Mutation(
        "a row's maximum may be one too small",
        f"{RTL}/row_maximum.vhd",
        "(score > maximum or",
        "(score > maximum + 1 or",
        "tests/rtl/test_row_maximum.py",
    ),
    Mutation(
        "columns are held a clock less",
        f"{RTL}/row_maximum.vhd",
        "reading_q(0) or reading_q(1) or reading_q(2);",
        "reading_q(0) or reading_q(1);",
        "tests/rtl/test_row_maximum.py",
    ),
    Mutation(
        "a division subtracts one more than the divisor",
        f"{RTL}/row_reciprocal.vhd",
        "(ROW_SUM_BITS downto 0 => less), less);",
        "(ROW_SUM_BITS downto 0 => less), '0');",
        "tests/rtl/test_row_reciprocal.py",
    ),
    Mutation(
        "the next inference's multipliers lie elsewhere",
        f"{RTL}/row_reciprocal.vhd",
        "if rewind = '1' or reset = '1' then",
        "if reset = '1' then",
        "tests/rtl/test_row_reciprocal.py",
    ),
    Mutation(
        "the flag of the first row comes a clock early",
        f"{RTL}/pool.vhd",
        "if firsts(2) = '1' then",
        "if firsts(1) = '1' then",
        "tests/rtl/test_pool.py",
    ),
    Mutation(
        "a single idle clock between tiles is dropped",
        f"{RTL}/sequencer.vhd",
        "if following.tile_pause /= 0 then",
        "if following.tile_pause > 1 then",
        "tests/rtl/test_sequencer.py",
    ),
    Mutation(
        "rows for which a job has waited are not counted off",
        f"{RTL}/sequencer.vhd",
        "counted := needs;",
        "counted := (others => '0');",
        "tests/rtl/test_sequencer.py",
    ),
    Mutation(
        "the last lane never gets a value",
        f"{RTL}/collector.vhd",
        "maximum(COLUMNS, 2) - 2;",
        "maximum(COLUMNS, 3) - 3;",
        "tests/rtl/test_collector.py",
    ),
    Mutation(
        "a tile waits until the one before has gone",
        f"{RTL}/collector.vhd",
        "outer_full and (not inner_full or (take and tile_ends));",
        "outer_full and not inner_full;",
        "tests/rtl/test_collector.py",
    ),
    Mutation(
        "the tensor behind an odd number of rows begins in the second way",
        f"{RTL}/input_loader.vhd",
        "if WAYS = 2 and SPLIT = 0 and way = '0' and at_tensor_end = '0' then",
        "if WAYS = 2 and SPLIT = 0 and way = '0' then",
        "tests/rtl/test_input_loader.py",
    ),
    Mutation(
        "the last one of equal numbers is the largest",
        f"{RTL}/arg_max.vhd",
        "when x > largest else",
        "when x >= largest else",
        "tests/rtl/test_decisions.py",
    ),
    Mutation(
        "what was the largest so far is not the second then",
        f"{RTL}/arg_max.vhd",
        "second  <= largest;",
        "second  <= second;",
        "tests/rtl/test_decisions.py",
    ),
    Mutation(
        "a distance below the zero point is one too small",
        f"{RTL}/l1_norm.vhd",
        "resize(flipped, SCORE_BITS), sign)",
        "resize(flipped, SCORE_BITS), '0')",
        "tests/rtl/test_decisions.py",
    ),
    Mutation(
        "a score that is the threshold has a flag",
        f"{RTL}/l1_norm.vhd",
        "if total > THRESHOLD then",
        "if total >= THRESHOLD then",
        "tests/rtl/test_decisions.py",
    ),
    Mutation(
        "a result behind a decision's operand is taken as part of it",
        f"{RTL}/decision_buffer.vhd",
        "come < FIRST + SIZE",
        "come <= FIRST + SIZE",
        "tests/rtl/test_decisions.py",
    ),
    Mutation(
        "a decision begins with what the one before has left",
        f"{RTL}/decision_buffer.vhd",
        "clear  => clear,",
        "clear  => reset,",
        "tests/rtl/test_decisions.py",
    ),
    Mutation(
        "a score is expected a clock early",
        f"{COMPILE}/step_table.py",
        "return NORM_TO_SCORE if graph.ends_late else 0",
        "return 0",
        "tests/compile/test_program.py",
    ),
    Mutation(
        "words behind a decision are counted from its operand",
        f"{COMPILE}/constants.py",
        "leave + output.size",
        "leave + operand.size",
        "tests/tools/test_graphs.py",
    ),
    Mutation(
        "the executor flags a score that is the threshold",
        f"{INTEGER}/execute.py",
        "score > step.threshold",
        "score >= step.threshold",
        "tests/integer/test_execute.py",
    ),
    Mutation(
        "the last one of equal numbers is the largest in C",
        f"{EXPORT}/templates/kernels.c.j2",
        "if (x[column] > largest) {",
        "if (x[column] >= largest) {",
        "tests/export/test_c_code.py",
    ),
    Mutation(
        "one register less is filled ahead",
        f"{RTL}/result_buffer.vhd",
        "room     <= to_unsigned(4, 3);",
        "room     <= to_unsigned(3, 3);",
        "tests/rtl/test_result_buffer.py",
    ),
    Mutation(
        "the upper weight of a pair does not make up for the lower one's sign",
        f"{RTL}/lane_pair.vhd",
        "(w_high + low_sign) & resize(w_low, FIELD);",
        "w_high & resize(w_low, FIELD);",
        "tests/tools/test_lanes.py",
    ),
    Mutation(
        "the carry of a negative digit is that of another bit",
        f"{RTL}/lane_tables.vhd",
        "lacking <= d_q(2);",
        "lacking <= d_q(1);",
        "tests/tools/test_lanes.py",
    ),
    Mutation(
        "the carry of the later rows of a tree is that of another bit",
        f"{RTL}/lane_tables.vhd",
        "d_q(2 * EARLY_ROWS + 2));",
        "d_q(2 * EARLY_ROWS + 1));",
        "tests/tools/test_lanes.py",
    ),
    Mutation(
        "a segment also answers for the word behind it",
        f"{RTL}/weight_bank.vhd",
        "not reaches(address, BEHIND);",
        "not reaches(address, BEHIND + 1);",
        "tests/rtl/test_memories.py",
    ),
    Mutation(
        "the first way's lanes take the second way's token whenever there is one",
        f"{RTL}/row_operands.vhd",
        "ways_1(1) and not ways_1(0);",
        "ways_1(1);",
        "tests/tools/test_graphs.py",
    ),
    Mutation(
        "the store of a way without a token is read, perhaps while it is written",
        f"{RTL}/row_operands.vhd",
        "reads          <= active and (1 downto 0 => issue);",
        'reads          <= (active or "11") and (1 downto 0 => issue);',
        "tests/rtl/test_row_operands.py",
    ),
    Mutation(
        "exponentials of the second way's token alone are those of the lanes that rested",
        f"{RTL}/engine.vhd",
        'if e_ways = "10" then',
        'if e_ways = "01" then',
        "tests/tools/test_simulation.py",
    ),
    Mutation(
        "a sum is added to before the last value is in",
        f"{COMPILE}/timing.py",
        "POOL_SPACING = 4",
        "POOL_SPACING = 3",
        "tests/rtl/test_constants.py",
    ),
    Mutation(
        "a column is taken in the last clock in which the softmax has the epilogue",
        f"{COMPILE}/list_scheduler.py",
        "return last + hold_last + 1 - max(first, hold_first)",
        "return last + hold_last - max(first, hold_first)",
        "tests/compile/test_program.py::test_every_access_of_a_graph_finds_its_data",
    ),
    Mutation(
        "residuals are not waited for",
        f"{COMPILE}/list_scheduler.py",
        "    if step.residual >= 0:",
        "    if step.residual > len(made.stored):",
        "tests/compile/test_program.py::test_every_access_of_a_graph_finds_its_data",
    ),
    Mutation(
        "a row's multiplier takes the place of one that is still to be read",
        f"{COMPILE}/list_scheduler.py",
        "return step.lanes == LANES_KEYS and made.ring[units.scored % MULTIPLIER_RING] != 0",
        "return False",
        "tests/compile/test_program.py::test_multipliers_of_rows_stay_until_they_are_read",
    ),
    Mutation(
        "a step that waits for a residual is not looked at when that is there",
        f"{COMPILE}/list_scheduler.py",
        "for tensor in (step.operand, step.residual, step.cache):",
        "for tensor in (step.operand, step.cache):",
        "tests/compile/test_waits.py::test_a_job_comes_as_early_as_if_all_steps_were_looked_at",
    ),
    Mutation(
        "a job starts a row of the inputs too early",
        f"{COMPILE}/list_scheduler.py",
        "max(0, _rows_awaited(step, after) - units.awaited)",
        "max(0, _rows_awaited(step, after) - units.awaited - 1)",
        "tests/compile/test_program.py::test_every_access_of_a_graph_finds_its_data",
    ),
    Mutation(
        "a row's words are free before the last job that reads them",
        f"{COMPILE}/allocate.py",
        "for entry in live[store] if entry[2] >= number]",
        "for entry in live[store] if entry[2] > number]",
        "tests/compile/test_program.py::test_a_row_stays_while_tiles_read_it",
    ),
    Mutation(
        "a sum takes the place of a residual that is read again",
        f"{COMPILE}/allocate.py",
        "if life.read[life.residual_of[row]] > life.written[row]:",
        "if life.read[life.residual_of[row]] < life.written[row]:",
        "tests/compile/test_allocate.py",
    ),
    Mutation(
        "the rounding bit is that of a whole",
        f"{COMPILE}/encode.py",
        '"rounding": source.shift - 1,',
        '"rounding": source.shift,',
        "tests/rtl/test_two_engines.py",
    ),
    Mutation(
        "the sum of a row's exponentials has a bit less",
        f"{COMPILE}/widths.py",
        "(longest * ((1 << e_bits) - 1)).bit_length(),",
        "(longest << (e_bits - 1)).bit_length(),",
        "tests/tools/test_graphs.py",
    ),
    Mutation(
        "a group of products may pass its field downwards",
        f"{COMPILE}/lanes.py",
        "if low.min() >= least and high.max() <= most:",
        "if high.max() <= most:",
        "tests/compile/test_program.py::test_groups_always_fit_the_field",
    ),
    Mutation(
        "all ways have the biases of the first one's rows",
        f"{COMPILE}/allocate.py",
        "for row in range(way, len(bias), ways)]",
        "for row in range(0, len(bias), ways)]",
        "tests/tools/test_graphs.py",
    ),
    Mutation(
        "two sums over rows share a copy of their operand",
        f"{COMPILE}/legalise.py",
        'return use, name if use == Use.SUM else ""',
        'return use, ""',
        "tests/compile/test_legalise.py",
    ),
    Mutation(
        "halves are rounded down",
        f"{INTEGER}/arithmetic.py",
        "product += 2.0 ** (shift - 1)",
        "product += 2.0 ** (shift - 1) - 1",
        "tests/integer/test_arithmetic.py",
    ),
    Mutation(
        "a restricted range has its lowest integer",
        f"{INTEGER}/arithmetic.py",
        "-(1 << (bits - 1)) + int(restricted)",
        "-(1 << (bits - 1)) + int(restricted and bits > 64)",
        "tests/integer/test_arithmetic.py",
    ),
    Mutation(
        "the lowest integer of a width takes a bit more",
        f"{INTEGER}/arithmetic.py",
        "max(-lowest - 1, 0).bit_length()",
        "max(-lowest, 0).bit_length()",
        "tests/integer/test_arithmetic.py",
    ),
    Mutation(
        "scores far below the maximum count",
        f"{INTEGER}/arithmetic.py",
        "    table[-1] = 0\n",
        "",
        "tests/integer/test_arithmetic.py",
    ),
    Mutation(
        "a result takes the bytes of what its operation still reads",
        f"{EXPORT}/layout.py",
        "self.born <= other.dies and",
        "self.born < other.dies and",
        "tests/export/test_c_code.py",
    ),
    Mutation(
        "a sum of more than 32 bits is scaled with 32",
        f"{EXPORT}/steps.py",
        "if INT32.holds(*total):",
        "if INT32.holds(*sorted(each >> 8 for each in total)):",
        "tests/export/test_c_code.py",
    ),
    Mutation(
        "halves of readings go upwards",
        f"{EXPORT}/templates/readings.c.j2",
        "(word & 1) != 0) {",
        "(word & 1) > 1) {",
        "tests/export/test_fixed_point.py",
    ),
    Mutation(
        "ReLU lets negative numbers pass",
        f"{INTEGER}/execute.py",
        "low = 0 if relu else tensor.low - tensor.zero_point",
        "low = tensor.low - tensor.zero_point",
        "tests/integer/test_execute.py",
    ),
    Mutation(
        "the last exponential is never looked up",
        f"{INTEGER}/execute.py",
        "np.minimum(requantise(score, step.shift), len(table) - 1)",
        "np.minimum(requantise(score, step.shift), len(table) - 2)",
        "tests/integer/test_execute.py",
    ),
    Mutation(
        "a row's multiplier is rounded to the nearest",
        f"{INTEGER}/execute.py",
        "np.floor(step.numerator / e.sum(axis=-1, keepdims=True))",
        "np.rint(step.numerator / e.sum(axis=-1, keepdims=True))",
        "tests/integer/test_execute.py",
    ),
    Mutation(
        "the distance of two scores has a bit less",
        f"{INTEGER}/bounds.py",
        "below = hull(lowest - highest)[0] - 2 * largest",
        "below = hull(lowest - highest)[0] - largest",
        "tests/integer/test_bounds.py",
    ),
    Mutation(
        "quantiles of a step may cross",
        f"{INTEGER}/readings.py",
        "    return np.sort(steps, axis=-1).reshape(forecasts.shape)",
        "    return steps.reshape(forecasts.shape)",
        "tests/integer/test_execute.py",
    ),
    Mutation(
        "C compares a quantile with itself",
        f"{EXPORT}/templates/readings.c.j2",
        "rank > 0 && place[-1] > made",
        "rank > 0 && place[0] > made",
        "tests/export/test_fixed_point.py",
    ),
    Mutation(
        "the second target adds the last reading of the first",
        f"{INTEGER}/builder.py",
        "(shape.rows - 1, shape.relative[target])",
        "(shape.rows - 1, shape.relative[0])",
        "tests/quantize/test_fold.py",
    ),
    Mutation(
        "targets count by their units",
        "src/narrowcast/data/targets.py",
        "squares.mean(axis=1) / units**2",
        "squares.mean(axis=1)",
        "tests/data/test_baselines.py",
    ),
    Mutation(
        "the lowest quantile is spread as the highest one",
        "src/narrowcast/model/quantiles.py",
        "        side = np.sign(levels[i] - 0.5)",
        "        side = np.sign(levels[-1 - i] - 0.5)",
        "tests/quantize/test_network.py",
    ),
    Mutation(
        "of equal results the last class is found",
        f"{DATA}/labels.py",
        "        found = results.argmax(axis=1)\n",
        "        found = results.shape[1] - 1 - results[:, ::-1].argmax(axis=1)\n",
        "tests/data/test_labels.py",
    ),
    Mutation(
        "true and found labels are exchanged",
        f"{DATA}/labels.py",
        "true * size + found",
        "found * size + true",
        "tests/data/test_labels.py",
    ),
    Mutation(
        "a score that is the threshold has a flag",
        f"{DATA}/monitored.py",
        "score > self.threshold",
        "score >= self.threshold",
        "tests/data/test_monitored.py",
    ),
    Mutation(
        "equal scores count for the anomaly",
        f"{DATA}/monitored.py",
        "pd.Series(score).rank()",
        'pd.Series(score).rank(method="max")',
        "tests/data/test_monitored.py",
    ),
    Mutation(
        "a window may end in the next part",
        f"{DATA}/parts.py",
        "changes[low] == changes[high]",
        "changes[low] + 1 >= changes[high]",
        "tests/data/test_recordings.py",
    ),
    Mutation(
        "windows reach from one recording into the next",
        f"{DATA}/table.py",
        "np.diff(self.recording) > 0",
        "np.diff(self.recording) > 1",
        "tests/data/test_recordings.py",
    ),
    Mutation(
        "the rows of the reference stay in windows",
        f"{DATA}/reference.py",
        "relative[: config.reference] = np.nan",
        "relative[: config.reference - 1] = np.nan",
        "tests/data/test_reference.py",
    ),
    Mutation(
        "readings are added to what they are compared with",
        f"{QUANTIZE}/fold.py",
        "= -source.unit * factors[column]",
        "= source.unit * factors[column]",
        "tests/quantize/test_fold.py",
    ),
    Mutation(
        "the rows that are compared are learnt",
        f"{QUANTIZE}/steps.py",
        "QuantisedWeight(weight, weight_bits).requires_grad_(spec.learnt)",
        "QuantisedWeight(weight, weight_bits)",
        "tests/quantize/test_detector_network.py",
    ),
    Mutation(
        "weights make rounding errors larger",
        f"{QUANTIZE}/gptq.py",
        "left[:, j:] -= error",
        "left[:, j + 1 :] += error",
        "tests/quantize/test_gptq.py",
    ),
    Mutation(
        "the mean of what rounding changes remains",
        f"{QUANTIZE}/steps.py",
        "self.bias.copy_(self.exact.bias + self.weight.calibrate(self.exact.weight, read))",
        "self.weight.calibrate(self.exact.weight, read)",
        "tests/quantize/test_network.py",
    ),
    Mutation(
        "the threshold is a unit too high",
        f"{QUANTIZE}/export.py",
        "most = min(threshold / result.scale, largest_score(result))",
        "most = min(threshold / result.scale + 1, largest_score(result))",
        "tests/quantize/test_detector_network.py",
    ),
    Mutation(
        "an engine answers before its weights are loaded",
        f"{RTL}/byte_link.vhd",
        "if sum_next /= 0 or weights_loaded = '0' then",
        "if sum_next /= 0 then",
        "tests/tools/test_loaded_weights.py",
    ),
    Mutation(
        "only the last bit of the CRC of loaded weights counts",
        f"{RTL}/weight_loader.vhd",
        "wrong   <= wrong or not differs;",
        "wrong   <= '0';",
        "tests/rtl/test_weight_memory.py",
    ),
    Mutation(
        "loaded weights of each width begin at the first word",
        f"{COMPILE}/images.py",
        "firsts[lane_source[name]] + at",
        "at",
        "tests/tools/test_loaded_weights.py",
    ),
    Mutation(
        "the weights of one engine are loaded into another",
        "src/narrowcast/host/link.py",
        "if found.digest != bytes.fromhex(weights.engine)[: len(found.digest)]:",
        "if not found.digest:",
        "tests/host/test_link.py",
    ),
)


@dataclass(frozen=True)
class Finding:
    """What became of a mutation.

    Attributes:
        number: Of the mutation, from 1.
        fault: What it is.
        file: Where it is.
        caught_by: The first test that fails, or ``"time"``; None: no test that was run.
        seconds: That the tests ran.
    """

    number: int
    fault: str
    file: str
    caught_by: str | None
    seconds: float


def copy_tree(to: Path) -> None:
    """Copy the tree, with the compiled code that belongs to it."""
    ignore = shutil.ignore_patterns(".git", ".venv", "out", ".*_cache", "*.egg-info")
    shutil.copytree(ROOT, to, ignore=ignore)


def first_failure(tree: Path, tests: Sequence[str], limit: float) -> str | None:
    """Run tests in a tree until one fails, and return its name.

    Args:
        tree: The copy.
        tests: Paths, from the tree's root; none: all.
        limit: Seconds after which they have failed.
    """
    data = os.environ.get("NARROWCAST_DATA", str(ROOT.parent / "shared" / "data"))
    environment = os.environ | {"PYTHONPATH": str(tree / "src"), "NARROWCAST_DATA": data}
    try:
        done = subprocess.run(
            [*PYTEST, *tests],
            cwd=tree,
            env=environment,
            timeout=limit,
            check=False,
            capture_output=True,
            text=True,
        )
    except subprocess.TimeoutExpired:
        return "time"
    if done.returncode == 0:
        return None
    failed = re.search(r"^(?:FAILED|ERROR) (.+?)(?: - |$)", done.stdout, re.MULTILINE)
    if failed is None:
        raise SystemExit(f"pytest did not run: {done.stdout[-2000:]}{done.stderr[-2000:]}")
    return failed[1]


def check_texts() -> None:
    """Refuse a list that does not belong to this tree.

    Raises:
        SystemExit: A text does not stand in its file, or more than once.
    """
    for number, each in enumerate(MUTATIONS, 1):
        count = (ROOT / each.file).read_text().count(each.text)
        if count != 1:
            raise SystemExit(f"mutation {number}: {each.file} has {each.text!r} {count} times")


def try_mutation(number: int, *, likely_only: bool, limit: float) -> Finding:
    """Run the tests on a mutation, of which ``number`` counts from 1."""
    mutation, start = MUTATIONS[number - 1], time.monotonic()
    with tempfile.TemporaryDirectory() as folder:
        tree = Path(folder) / "tree"
        copy_tree(tree)
        path = tree / mutation.file
        path.write_text(path.read_text().replace(mutation.text, mutation.instead))
        caught = first_failure(tree, [mutation.likely], limit)
        if caught is None and not likely_only:
            caught = first_failure(tree, [], limit)
    seconds = round(time.monotonic() - start, 1)
    found = Finding(number, mutation.fault, mutation.file, caught, seconds)
    print(f"{number:2} {caught or 'SURVIVED'}: {mutation.fault} ({seconds} s)", flush=True)
    return found


def main() -> None:
    """Run the mutations that are asked for; fail if more than two survive."""
    parser = argparse.ArgumentParser(description=(__doc__ or "").splitlines()[0])
    every = range(1, len(MUTATIONS) + 1)
    parser.add_argument("--only", type=int, nargs="+", choices=every, default=every, metavar="N")
    parser.add_argument("--jobs", type=int, default=1, help="mutations at a time")
    parser.add_argument("--likely", action="store_true", help="run the likely tests only")
    parser.add_argument("--limit", type=float, default=7200, help="seconds of a run of tests")
    parser.add_argument("--json", type=Path, help="file for what was found")
    given = parser.parse_args()
    check_texts()
    tests = sorted({MUTATIONS[number - 1].likely for number in given.only})
    if failed := first_failure(ROOT, tests, given.limit):
        raise SystemExit(f"without a mutation, {failed} fails")
    with ThreadPoolExecutor(given.jobs) as pool:
        found = list(
            pool.map(
                lambda n: try_mutation(n, likely_only=given.likely, limit=given.limit), given.only
            )
        )
    survived = [each.number for each in found if each.caught_by is None]
    print(f"caught: {len(found) - len(survived)} of {len(found)}; survived: {survived or 'none'}")
    if given.json:
        given.json.write_text(json.dumps([asdict(each) for each in found], indent=2) + "\n")
    if len(survived) > 2:
        raise SystemExit(1)


if __name__ == "__main__":
    main()
