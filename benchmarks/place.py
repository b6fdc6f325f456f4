"""Place and route untrained models on the devices that have open tools, and print a table.

    python benchmarks/place.py --out out/place --json out/place.json

Each row is the engine on a serial line, as ``narrowcast place`` makes it. With ``--interface spi``
it is on SPI, for the boards that have pins for it. A design that does not fit, or cannot be placed,
is a row too, and so is one slower than its bar: the exit code is 1 then.
"""

import argparse
import json
import shutil
import sys
import time
from pathlib import Path

from narrowcast.compile import compile_model
from narrowcast.config import InterfaceName
from narrowcast.errors import ToolError, UserError
from narrowcast.estimate import area
from narrowcast.integer.builder import Shape
from narrowcast.integer.random_model import random_model
from narrowcast.records import to_json
from narrowcast.targets.device import load_device
from narrowcast.tools.interface import INTERFACES
from narrowcast.tools.nextpnr import place

BARS = [  # device, window, channels, bits, MHz
    ("up5k", 12, 16, 4, 20),
    ("up5k", 24, 32, 4, 20),
    ("ecp5-25f", 24, 64, 8, 80),
    ("gw1nr-9", 12, 16, 4, 27),
    ("gw2ar-18", 12, 32, 4, 27),
]
INPUTS = 7
HEAD = (
    "| device | window | channels | bits | lanes | cycles | LUT | FF | BRAM | DSP | Fmax "
    "| µs at Fmax | slowest path | seconds |"
)


def run(
    device: str, window: int, channels: int, bits: int, out: Path, interface: InterfaceName
) -> dict:
    """Compile and place one model; what fails is told under ``error``."""
    begun = time.monotonic()
    target = load_device(device)
    result = {"device": device, "window": window, "channels": channels, "bits": bits}
    shutil.rmtree(out, ignore_errors=True)
    try:
        model = random_model(Shape(window, INPUTS, channels), (bits,), 1)
        design = compile_model(model, target, area)
        result |= {"lanes": design.lanes, "cycles": design.cycles}
        design.write_rtl(out / "rtl")
        placed = place(out / "rtl", target, out / "work", interface=interface)
        result |= to_json(placed)
    except (UserError, ToolError) as error:
        result["error"] = str(error)
    return result | {"seconds": round(time.monotonic() - begun, 1)}


def row(result: dict) -> str:
    """Return a line of the table."""
    cells = [result[key] for key in ("device", "window", "channels", "bits")]
    if "error" in result:
        return "| " + " | ".join(map(str, [*cells, result["error"].splitlines()[-1]])) + " |"
    path = result["critical_path"]
    cells += [result["lanes"], f"{result['cycles']:,}"]
    cells += [result[key] for key in ("lut", "ff", "bram", "dsp")]
    cells.append(f"{result['fmax_mhz']:.1f} MHz")
    cells.append(f"{result['cycles'] / result['fmax_mhz']:,.0f}")
    cells.append(f"{path['levels']} levels, {path['from']} to {path['to']}")
    return "| " + " | ".join(map(str, [*cells, result["seconds"]])) + " |"


def main() -> None:
    """Place all designs."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--out", type=Path, required=True, help="folder for the designs")
    parser.add_argument("--json", type=Path, required=True, help="file for the results")
    parser.add_argument("--interface", choices=INTERFACES, default="uart", help="to the host")
    args = parser.parse_args()
    print(HEAD)
    print("|" + " --- |" * (HEAD.count("|") - 1), flush=True)
    results, missed = [], False
    for device, window, channels, bits, mhz in BARS:
        board = load_device(device).board
        if board is None or args.interface not in board.constraints:
            continue
        folder = args.out / f"{device}-{window}-{channels}-{bits}"
        result = run(device, window, channels, bits, folder, args.interface) | {"bar_mhz": mhz}
        missed |= result.get("fmax_mhz", 0) < mhz
        results.append(result)
        print(row(result), flush=True)
    args.json.parent.mkdir(parents=True, exist_ok=True)
    args.json.write_text(json.dumps(results, indent=1) + "\n")
    sys.exit(int(missed))


if __name__ == "__main__":
    main()
