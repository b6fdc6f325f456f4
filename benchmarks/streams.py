"""Simulate drawn stream models over stretches of readings with restarts, and count what differs.

Between readings, the host asks for rows of the states, resets the engine, and puts states back, at
random; some of them are damaged (``draw_script``).

    python benchmarks/streams.py --out out/streams --count 30

The models are those of ``drawn_stream`` in ``tests/graphs.py``: 1 to 3 layers, 1 to 8 heads, 3 to
64 tokens, 8 to 64 channels, 2 to 8 bits mixed. Verilator simulates each over several times its
tokens, once more with random stalls of all streams; GHDL simulates the first readings, with and
without stalls. Prints a table and writes
``streams.json``.
"""

import argparse
import json
import sys
from pathlib import Path
from typing import Any

from narrowcast.compile import HardwareOptions, compile_model
from narrowcast.estimate import area
from narrowcast.tools.simulate import simulate_ghdl, simulate_verilator
from narrowcast.tools.state_script import REFUSED, RESTORED, draw_script

sys.path.insert(0, str(Path(__file__).parents[1] / "tests"))
from graphs import drawn_stream, roomy
from words import stream_words

COLUMNS = (
    *("model", "layers", "tokens", "channels", "lanes", "predicted", "verilator", "ghdl"),
    *("readings", "restarts", "rows read", "restored", "refused", "mismatches"),
)


def row(seed: int, work: Path, in_ghdl: int) -> dict[str, Any]:
    """Return whether the hardware of one model gives the executor's results, in its clocks."""
    model = drawn_stream(seed)
    design = compile_model(model, roomy(), area, HardwareOptions(state_access=True))
    design.write_rtl(work / "rtl")
    tokens = model.kept_rows
    inputs, restart, _ = stream_words(model, 4 * tokens + 20, seed)
    script = draw_script(model, inputs, restart, seed)
    many = simulate_verilator(
        *(work / "rtl", model, inputs, script.expected, work / "verilator"),
        restart=restart,
        script=script,
    )
    some = None
    if in_ghdl:  # which is slow
        few = slice(min(in_ghdl, len(inputs)))
        some = simulate_ghdl(
            *(work / "rtl", model, inputs[few], script.expected[few], work / "ghdl"),
            restart=restart[few],
            script=script,
        )
    simulations = [each for each in (many, some) if each is not None]
    answers = [each for turn in script.turns for each in turn.answers]
    verdicts = [answers.count(each) for each in (RESTORED, REFUSED)]
    numbers = (
        *(seed, len(model.states) // 2, tokens, model.states[0].columns, design.lanes),
        *(design.cycles, many.cycles, "-" if some is None else some.cycles),
        sum(each.windows for each in simulations),
        *(int(restart.sum()), len(answers) - sum(verdicts), *verdicts),
        sum(each.mismatches for each in simulations),
    )
    return dict(zip(COLUMNS, numbers, strict=True))


def main() -> None:
    """Go through all models; the exit code is 1 if any differs."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--out", type=Path, required=True, help="folder for results")
    parser.add_argument("--count", type=int, default=30, help="how many models")
    parser.add_argument("--first", type=int, default=0, help="number of the first one")
    parser.add_argument("--ghdl", type=int, default=12, help="readings in GHDL, or 0")
    args = parser.parse_args()
    args.out.mkdir(parents=True, exist_ok=True)
    rows = []
    print("| " + " | ".join(COLUMNS) + " |")
    print("|" + " --- |" * len(COLUMNS))
    for seed in range(args.first, args.first + args.count):
        rows.append(row(seed, args.out / f"{seed}", args.ghdl))
        print("| " + " | ".join(str(value) for value in rows[-1].values()) + " |", flush=True)
        (args.out / "streams.json").write_text(json.dumps(rows, indent=1) + "\n")
    wrong = sum(
        each["mismatches"] > 0
        or each["verilator"] != each["predicted"]
        or each["ghdl"] not in ("-", each["predicted"])
        for each in rows
    )
    print(f"{len(rows)} models, {wrong} of them wrong")
    sys.exit(wrong > 0)


if __name__ == "__main__":
    main()
