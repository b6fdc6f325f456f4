"""Arguments and options that several commands have."""

from pathlib import Path
from typing import Annotated, Literal

import typer

ConfigFile = Annotated[
    Path,
    typer.Argument(metavar="CONFIG.toml", help="What to make, see examples/.", show_default=False),
]
Out = Annotated[
    Path, typer.Option("--out", metavar="DIR", help="The folder for everything that is made.")
]
Data = Annotated[
    Path | None,
    typer.Option("--data", metavar="FILE", help="The table of readings, instead of data.path."),
]
Set = Annotated[
    list[str] | None,
    typer.Option(
        "--set",
        metavar="KEY=VALUE",
        help="Override a key of the file, such as model.channels=16; several may follow.",
    ),
]
Force = Annotated[bool, typer.Option("--force", help="Do it again, even if nothing has changed.")]
Synth = Annotated[Literal["yosys", "vivado"], typer.Option("--synth", help="The synthesis tool.")]
Place = Annotated[
    Literal["nextpnr", "none"],
    typer.Option(
        "--place",
        help="The place and route tool, for devices that have an open one; 'none' to leave it out.",
    ),
]
Activity = Annotated[
    bool,
    typer.Option(
        "--activity", help="Measure toggle rates in a few windows, and estimate the energy by them."
    ),
]
Yosys = Annotated[
    Path | None,
    typer.Option("--yosys", metavar="PATH", help="Another yosys than the one that comes along."),
]
DeviceName = Annotated[
    str | None,
    typer.Option("--device", metavar="NAME", help="The device, instead of hardware.device."),
]
Most = Annotated[
    str,
    typer.Option(
        "--max",
        metavar="NAME=NUMBER,...",
        help="What must not be exceeded: latency_us=200,lut=8000.",
    ),
]


def with_device(overrides: list[str] | None, device: str | None) -> list[str]:
    """Return the overrides, with that of the device."""
    return [*(overrides or ()), *([f"hardware.device={device}"] if device else ())]
