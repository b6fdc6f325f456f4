"""How long the command line takes to answer, in processes of their own, on whatever core is idle.

    python benchmarks/startup.py --json startup.json

Prints a table of seconds of wall clock and of processor time: the least of several runs, after one
that fills caches.
"""

import argparse
import json
import resource
import subprocess
import sys
import time
from dataclasses import asdict, dataclass
from pathlib import Path

DEMO = Path(__file__).parents[1] / "examples" / "demo.toml"
COMMANDS = {
    "--help": ["--help"],
    "build --help": ["build", "--help"],
    "estimate": ["estimate", str(DEMO)],
}


@dataclass(frozen=True)
class Startup:
    """What a command takes.

    Attributes:
        command: As it is typed.
        wall_s: Seconds until it has ended.
        cpu_s: Seconds of processor time, its own and the system's.
    """

    command: str
    wall_s: float
    cpu_s: float


def run(arguments: list[str]) -> tuple[float, float]:
    """Return the wall clock and the processor time of one run."""
    before, begun = resource.getrusage(resource.RUSAGE_CHILDREN), time.perf_counter()
    command = [sys.executable, "-m", "narrowcast", *arguments]
    subprocess.run(command, check=True, capture_output=True)
    wall, after = time.perf_counter() - begun, resource.getrusage(resource.RUSAGE_CHILDREN)
    return wall, after.ru_utime - before.ru_utime + after.ru_stime - before.ru_stime


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--runs", type=int, default=5, help="runs of each command")
    parser.add_argument("--json", type=Path, help="write the figures to this file")
    args = parser.parse_args()
    found = []
    for name, arguments in COMMANDS.items():
        run(arguments)
        runs = [run(arguments) for _ in range(args.runs)]
        wall, cpu = (round(min(times), 3) for times in zip(*runs, strict=True))
        found.append(Startup(name, wall, cpu))
    print("| command | wall clock, s | processor, s |")
    print("| --- | --- | --- |")
    for each in found:
        print(f"| `narrowcast {each.command}` | {each.wall_s:.2f} | {each.cpu_s:.2f} |")
    if args.json is not None:
        args.json.write_text(json.dumps([asdict(each) for each in found], indent=1) + "\n")


if __name__ == "__main__":
    main()
