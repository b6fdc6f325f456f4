"""Compiles and runs exported C code."""

import subprocess
from pathlib import Path

import numpy as np

from narrowcast.export import CCode
from narrowcast.integer.model import Array

WARNINGS = (*("-std=c99", "-Wall", "-Wextra", "-Wconversion", "-Wshadow", "-pedantic", "-Werror"),)
SANITIZED = ("-O1", "-fsanitize=undefined,address", "-fno-sanitize-recover=all")


def compiled(folder: Path, *sources: str) -> Path:
    """Compile sources with all warnings as errors, and with checks for undefined behaviour."""
    program = folder / "program"
    command = ["gcc", *WARNINGS, *SANITIZED, *sources, "-o", str(program)]
    done = subprocess.run(command, cwd=folder, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr[:4000]
    return program


def write_test(
    folder: Path, code: CCode, inputs: Array, outputs: Array, restart: np.ndarray | None = None
) -> None:
    """Write the C code with a program that compares its results."""
    code.write(folder)
    code.write_test(folder, inputs, outputs, restart)


def agrees(
    folder: Path, code: CCode, inputs: Array, outputs: Array, restart: np.ndarray | None = None
) -> bool:
    """Run exported code on words, and return whether its results are the expected ones."""
    write_test(folder, code, inputs, outputs, restart)
    program = compiled(folder, "main_test.c", f"{code.name}.c")
    done = subprocess.run([program], capture_output=True, text=True, check=False)
    assert (done.stdout, done.stderr) == ("", "")
    assert done.returncode in (0, 1)
    return done.returncode == 0
