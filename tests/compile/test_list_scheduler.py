"""The compiled kernel: the same tests with every index checked, and as plain Python."""

import os
import subprocess
import sys
from pathlib import Path

import pytest

TESTS = Path(__file__).with_name("test_schedule.py")


@pytest.mark.long
@pytest.mark.parametrize("flag", ["NUMBA_BOUNDSCHECK", "NUMBA_DISABLE_JIT"])
def test_the_kernel_is_the_same_without_its_shortcuts(tmp_path: Path, flag: str) -> None:
    """Compiled code is kept apart, as what is on disk does not know of the flag."""
    environment = os.environ | {flag: "1", "NUMBA_CACHE_DIR": str(tmp_path)}
    command = [sys.executable, "-m", "pytest", "-q", "-p", "no:cacheprovider", TESTS]
    found = subprocess.run(command, env=environment, capture_output=True, text=True, check=False)
    assert found.returncode == 0, found.stdout


def test_numba_is_imported_for_schedules_only() -> None:
    code = "import sys, narrowcast.compile; sys.exit('numba' in sys.modules)"
    assert subprocess.run([sys.executable, "-c", code], check=False).returncode == 0
