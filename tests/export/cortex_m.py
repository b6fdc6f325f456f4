"""Runs exported C code on Cortex-M processors in qemu, and counts its instructions."""

import subprocess
from dataclasses import dataclass
from pathlib import Path

from c_programs import WARNINGS

ARM = Path(__file__).parent / "arm"
MACHINES = {"cortex-m0plus": "microbit", "cortex-m4": "mps2-an386"}
CALIBRATION = 2000  # instructions


@dataclass(frozen=True)
class Run:
    """What a run on a Cortex-M has shown.

    Attributes:
        agrees: Whether all words agree.
        instructions: Of the last inference, executed.
        flash: Bytes of the code and its constants.
        ram: Bytes of its variables.
    """

    agrees: bool
    instructions: int
    flash: int
    ram: int


def run_on(core: str, folder: Path) -> Run:
    """Compile model.c and main_test.c of a folder for a core, and run them in qemu."""
    target = ["-mthumb", f"-mcpu={core}", "-O2", "-ffreestanding"]
    compile_one = ["arm-none-eabi-gcc", *target, *WARNINGS, "-c", "model.c"]
    link = ["arm-none-eabi-gcc", *target, "-nostdlib", "-T", str(ARM / "cortex-m.ld")]
    link += ["-Wl,--wrap=model_infer", "main_test.c", "model.o", str(ARM / "startup.c"), "-lgcc"]
    for command in (compile_one, [*link, "-o", "test.elf"]):
        done = subprocess.run(command, cwd=folder, capture_output=True, text=True, check=False)
        assert done.returncode == 0, done.stderr[:4000]
    command = ["qemu-system-arm", "-M", MACHINES[core], "-nographic", "-monitor", "none"]
    command += ["-serial", "none", "-semihosting-config", "enable=on,target=native"]
    command += ["-icount", "shift=6,align=off,sleep=off", "-kernel", "test.elf"]
    done = subprocess.run(
        command, cwd=folder, capture_output=True, text=True, check=False, timeout=60
    )
    assert done.returncode in (0, 1), (done.returncode, done.stdout, done.stderr)
    calibration, ticks = map(int, done.stderr.split() or done.stdout.split())
    assert ticks > 0
    size = subprocess.run(
        ["arm-none-eabi-size", "model.o"], cwd=folder, capture_output=True, text=True, check=True
    )
    text, data, bss = map(int, size.stdout.splitlines()[1].split()[:3])
    instructions = round(ticks * CALIBRATION / calibration)
    return Run(done.returncode == 0, instructions, text + data, data + bss)
