"""Arguments and options of several commands."""

from pathlib import Path
from typing import Annotated, Literal

import typer


def _text(text: str) -> str:
    if not text:
        raise typer.BadParameter("must not be empty")
    return text


def parse_path(text: str) -> Path:
    """Return a path; an empty one would be the working directory, which nobody means."""
    return Path(_text(text))


ConfigFile = Annotated[
    Path,
    typer.Argument(
        parser=parse_path,
        metavar="CONFIG.toml",
        help="Configuration, see examples/.",
        show_default=False,
    ),
]
Out = Annotated[
    Path, typer.Option("--out", parser=parse_path, metavar="DIR", help="The output folder.")
]
Data = Annotated[
    Path | None,
    typer.Option(
        "--data",
        parser=parse_path,
        metavar="FILE",
        help="The table of readings, instead of data.path; - is standard input.",
    ),
]
Set = Annotated[
    list[str] | None,
    typer.Option(
        "--set",
        metavar="KEY=VALUE",
        help="Override a key of the configuration, such as model.channels=16; may be repeated.",
    ),
]
Force = Annotated[bool, typer.Option("--force", help="Run the stage even if it is up to date.")]
Synth = Annotated[Literal["yosys", "vivado"], typer.Option("--synth", help="The synthesis tool.")]
Place = Annotated[
    Literal["nextpnr", "none"],
    typer.Option(
        "--place",
        help="The tool for place and route, if the device has an open one; 'none' to skip it.",
    ),
]
Activity = Annotated[
    bool,
    typer.Option(
        "--activity",
        help="Measure toggle rates in two windows, for another estimate of energy.",
    ),
]
Yosys = Annotated[
    str | None,  # a Path would be the same for "yosys" and "./yosys"
    typer.Option(
        "--yosys", parser=_text, metavar="PATH", help="Path of yosys, not the installed package."
    ),
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
        help="Upper limits, such as latency_us=200,lut=8000.",
    ),
]


def with_device(overrides: list[str] | None, device: str | None) -> list[str]:
    """Return the overrides, with one for the device if it is given."""
    return [*(overrides or ()), *([] if device is None else [f"hardware.device={device}"])]
