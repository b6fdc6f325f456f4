"""Interrupts a command at random moments, and checks what is left and what the next run makes.

    python tests/pipeline/interrupt.py --count 50 --command build --signal KILL

Every interrupted run has to leave no process. The next one has to keep what was finished, to end
with the results of an undisturbed run, and to leave no half-written file.
"""

import argparse
import hashlib
import json
import os
import random
import re
import signal
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import suppress
from pathlib import Path
from typing import Any

sys.path.insert(0, str(Path(__file__).parents[1]))
from signals import DEFAULT_SIGNALS

CONFIG = """
[data]
path = "readings.csv"
time = "time"
inputs = ["a"]
target = "b"
window = 3
lead = 0
[model]
channels = 12
[train]
epochs = 2
finetune_epochs = 1
"""
FIT = ("--max", "blocks=8")  # which the configured widths exceed
# Tools take most of a build's time: the smallest engine, for the family that yosys maps fastest.
SETTINGS = (
    *("data.window=2", "model.channels=2", "quantization.bits=2"),
    *("hardware.device=gw1nr-9", "hardware.lanes=1", "hardware.ways=1"),
)
BUILD = ("--place", "none", *(word for each in SETTINGS for word in ("--set", each)))
_PATIENCE = 60.0  # seconds for processes to end
_LAST_WORDS = r"(report|search|fit): +done in [\d.]+ s\n$"


def write_inputs(folder: Path) -> Path:
    """Write a table and a configuration, and return the latter."""
    rows = [f"2024-01-01T{i // 60:02}:{i % 60:02}:00Z,{i % 7},{i % 5}\n" for i in range(120)]
    (folder / "readings.csv").write_text("time,a,b\n" + "".join(rows))
    path = folder / "run.toml"
    path.write_text(CONFIG)
    return path


def arguments(command: str, config: Path, out: Path) -> list[str]:
    """Return the command line; a search that has begun is resumed."""
    more: Sequence[str] = ()
    if command == "build":
        more = BUILD
    elif command == "fit":
        more = FIT
    elif command == "search":
        more = ("--budget", "1s", "--workers", "2")
        more += ("--resume",) if (out / "search.journal").exists() else ()
    return [sys.executable, "-m", "narrowcast", command, str(config), "--out", str(out), *more]


def processes_below(process: int) -> set[int]:
    """Return all processes that a process has started, directly or not."""
    found: set[int] = set()
    with suppress(OSError):  # it or a thread of it may end meanwhile
        for task in Path(f"/proc/{process}/task").iterdir():
            with suppress(OSError):
                children = {int(child) for child in (task / "children").read_text().split()}
                found |= children.union(*map(processes_below, children))
    return found


def is_alive(process: int) -> bool:
    """Return whether a process runs; one that has ended but was not waited for does not."""
    try:
        state = Path(f"/proc/{process}/stat").read_text()
    except OSError:
        return False
    return state.rpartition(")")[2].split()[0] not in "ZX"


def interrupt(
    command: Sequence[str],
    sent: signal.Signals,
    moment: Callable[[int], bool],
    environment: Mapping[str, str],
) -> bool:
    """Run a command and send it a signal; return whether it was at work then.

    Args:
        command: The command line.
        sent: The signal.
        moment: Called with the process again and again, until it returns true.
        environment: Environment variables besides those of this process.

    Raises:
        AssertionError: A process lives on, or a traceback was printed.
    """
    env = {**os.environ, **environment}
    process = subprocess.Popen(
        [*DEFAULT_SIGNALS, *command], stderr=subprocess.PIPE, stdout=subprocess.DEVNULL, env=env
    )
    known: set[int] = set()
    while process.poll() is None and not moment(process.pid):
        known |= processes_below(process.pid)
        time.sleep(0.002)
    known |= processes_below(process.pid)
    process.send_signal(sent)
    words = process.communicate()[1].decode(errors="replace")
    end = time.monotonic() + _PATIENCE
    while left := [each for each in known if is_alive(each)]:
        assert time.monotonic() < end, f"processes live on: {left}"
        time.sleep(0.01)
    assert "Traceback" not in words, words
    # before the interpreter is ready, and after the run, a signal has its usual effect
    usual = sent is signal.SIGKILL or not words or re.search(_LAST_WORDS, words)
    expected = {0, 128 + sent, -sent} if usual else {0, 128 + sent}
    assert process.returncode in expected, f"exit code {process.returncode}: {words}"
    return process.returncode != 0


def after_changes(out: Path, count: int) -> Callable[[int], bool]:
    """Return a moment: ``count`` files and processes have appeared since the first call."""
    seen: set[str] = set()
    first: set[str] = set()

    def moment(process: int) -> bool:
        now = {f"{folder}/{name}" for folder, _, names in os.walk(out) for name in names}
        now |= {str(each) for each in processes_below(process)}
        if not first:
            first.update({"", *now})
        seen.update(now - first)
        return len(seen) >= count

    return moment


def complete(command: Sequence[str], environment: Mapping[str, str]) -> None:
    """Run a command, which must succeed."""
    env = {**os.environ, **environment}
    ended = subprocess.run(command, capture_output=True, text=True, check=False, env=env)
    assert ended.returncode == 0, ended.stderr


def finished(out: Path) -> dict[str, str]:
    """Return what must not be lost: the states of finished stages, and the finished trials."""
    found = {str(path): path.read_text() for path in out.rglob(".stages/*.json")}
    for name, line in _trials(out).items():
        found[name] = line
    return {name: text for name, text in found.items() if not name.endswith("owned.json")}


def _trials(out: Path) -> dict[str, str]:
    """Return the finished trials of a search by their lines' digests."""
    journal = out / "search.journal"
    if not journal.exists():
        return {}
    whole = journal.read_text().split("\n")[:-1]
    return {hashlib.sha256(line.encode()).hexdigest(): line for line in whole}


def digests(out: Path) -> dict[str, str]:
    """Return the digests of all results, without durations and what depends on a search's time."""
    if (out / "search.journal").exists():
        return dict(_uniform(out)) | {
            str(path.relative_to(out)): _digest(path) for path in out.rglob("float.safetensors")
        }
    return {
        str(path.relative_to(out)): _digest(path)
        for path in sorted(out.rglob("*"))
        if path.is_file() and ".stages" not in path.parts and path.name != "report.html"
    }


def _uniform(out: Path) -> Iterator[tuple[str, str]]:
    front = json.loads((out / "front.json").read_text())
    for point in front["front"] + front["others"]:
        if point["label"]:
            yield point["label"], json.dumps(_timeless(point))


def _digest(path: Path) -> str:
    content = path.read_bytes()
    if path.suffix == ".json":
        content = json.dumps(_timeless(json.loads(content)), sort_keys=True).encode()
    return hashlib.sha256(content).hexdigest()


def _timeless(value: Any) -> Any:
    if isinstance(value, dict):
        return {key: _timeless(each) for key, each in value.items() if "seconds" not in key}
    return [_timeless(each) for each in value] if isinstance(value, list) else value


def leftovers(out: Path, temporary: Path) -> list[Path]:
    """Return files of unfinished work."""
    patterns = ("*.part", "*.work")
    return [each for pattern in patterns for each in out.rglob(pattern)] + [
        *temporary.glob("narrowcast-*")
    ]


def check_next(command: str, config: Path, out: Path, temporary: Path) -> None:
    """Run the command again after an interruption, and check that nothing finished is lost.

    Raises:
        AssertionError: It failed, or has lost or left something.
    """
    before = finished(out)
    complete(arguments(command, config, out), {"TMPDIR": str(temporary)})
    after = finished(out)
    lost = [name for name, text in before.items() if after.get(name) != text]
    assert not lost, f"made again: {lost}"
    assert not (left := leftovers(out, temporary)), left


def main() -> None:
    """Interrupt one command at random moments of its duration."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--count", type=int, default=5)
    parser.add_argument("--command", choices=("build", "search", "fit"), default="build")
    parser.add_argument("--signal", choices=("KILL", "TERM", "INT", "HUP"), default="KILL")
    parser.add_argument("--seed", type=int, default=0)
    chosen = parser.parse_args()
    sent, draw = signal.Signals[f"SIG{chosen.signal}"], random.Random(chosen.seed)
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        config, temporary = write_inputs(folder), folder / "tmp"
        temporary.mkdir()
        begin = time.monotonic()
        complete(arguments(chosen.command, config, folder / "whole"), {"TMPDIR": str(temporary)})
        duration, reference = time.monotonic() - begin, digests(folder / "whole")
        print(f"undisturbed: {duration:.1f} s, {len(reference)} results")
        failed = 0
        for number in range(chosen.count):
            out, begin = folder / str(number), time.monotonic()
            after = draw.uniform(0, duration)
            try:
                stopped = interrupt(
                    arguments(chosen.command, config, out),
                    sent,
                    lambda _, end=begin + after: time.monotonic() >= end,
                    {"TMPDIR": str(temporary)},
                )
                kept = len(finished(out))
                check_next(chosen.command, config, out, temporary)
                assert digests(out) == reference, "other results"
                outcome = f"{kept} parts were finished" if stopped else "it had ended before"
            except AssertionError as error:
                failed, outcome = failed + 1, f"FAILED: {error}"
            print(f"{number + 1}: {chosen.signal} after {after:.2f} s: {outcome}", flush=True)
        sys.exit(f"{failed} of {chosen.count} failed" if failed else 0)


if __name__ == "__main__":
    main()
