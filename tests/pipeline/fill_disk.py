"""Runs every stage on a disk that becomes full, and checks the message and what is left.

    python tests/pipeline/fill_disk.py --count 20

Needs the right to mount a tmpfs. The output folder, or that of temporary files, has random space
left when a stage begins. The stage has to end with one line that names a folder on the full disk,
or to succeed. Files that were whole stay whole. With more space it succeeds, with the same results
each time.
"""

import argparse
import os
import random
import shutil
import subprocess
import sys
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from interrupt import arguments, complete, digests, leftovers, write_inputs

STAGES = ("train", "quantize", "compile", "verify", "synth", "report")
_LARGE = "200m"


@contextmanager
def mounted(folder: Path) -> Iterator[None]:
    """Mount a tmpfs."""
    folder.mkdir(exist_ok=True)
    subprocess.run(["mount", "-t", "tmpfs", "-o", f"size={_LARGE}", "tmpfs", folder], check=True)
    try:
        yield
    finally:
        subprocess.run(["umount", folder], check=True)


@contextmanager
def little_space(folder: Path, free: int) -> Iterator[None]:
    """Fill a mounted folder until ``free`` bytes are left."""
    ballast = folder / "ballast"
    with ballast.open("wb") as stream:
        os.posix_fallocate(stream.fileno(), 0, max(1, shutil.disk_usage(folder).free - free))
    try:
        yield
    finally:
        ballast.unlink()


def check(stage: str, config: Path, disk: Path, temporary: Path, full: Path, free: int) -> str:
    """Run a stage while ``full`` has ``free`` bytes; return the error message or "".

    Raises:
        AssertionError: See the module.
    """
    out = disk / "out"
    before = digests(out)
    env = {**os.environ, "TMPDIR": str(temporary)}
    with little_space(full, free):
        ended = subprocess.run(
            arguments(stage, config, out), capture_output=True, text=True, check=False, env=env
        )
        after = digests(out)
    last = ended.stderr.splitlines()[-1] if ended.stderr else ""
    if ended.returncode:
        assert ended.returncode == 2, ended.stderr
        assert last.startswith(f"narrowcast: error: {full}"), ended.stderr
        assert after == before
    else:
        last = ""
    assert not (left := leftovers(out, temporary)), left
    complete(arguments(stage, config, out), {"TMPDIR": str(temporary)})
    return last


def main() -> None:
    """Fill the disk in every stage, at random."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--count", type=int, default=5)
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument(
        "--stages", nargs="+", choices=STAGES, default=STAGES, help="to fill the disk in"
    )
    chosen = parser.parse_args()
    draw, failed = random.Random(chosen.seed), 0
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        config, temporary, disk = write_inputs(folder), folder / "tmp", folder / "disk"
        with mounted(disk), mounted(temporary):
            for stage in STAGES:
                if stage not in chosen.stages:
                    complete(arguments(stage, config, disk / "out"), {"TMPDIR": str(temporary)})
                    continue
                before, results = folder / f"before_{stage}", []
                shutil.copytree(disk, before)
                for number in range(chosen.count):
                    shutil.rmtree(disk / "out", ignore_errors=True)
                    shutil.copytree(before, disk, dirs_exist_ok=True)
                    full = draw.choice((disk, temporary)) if stage in ("verify", "synth") else disk
                    free = int(10 ** draw.uniform(0, 5 if full is disk else 6.5))
                    try:
                        message = check(stage, config, disk, temporary, full, free)
                        results.append(digests(disk / "out"))
                        assert results[-1] == results[0], "other results"
                    except AssertionError as error:
                        failed, message = failed + 1, f"FAILED: {error}"
                    print(f"{stage} {number + 1}, {free} bytes: {message or 'enough'}", flush=True)
    sys.exit(f"{failed} failed" if failed else 0)


if __name__ == "__main__":
    main()
