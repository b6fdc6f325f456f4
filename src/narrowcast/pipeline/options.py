"""Options of a run that do not belong to the configuration."""

from dataclasses import dataclass, field
from pathlib import Path
from typing import Literal

from narrowcast.progress import Progress

SynthesisTool = Literal["yosys", "vivado"]
PlaceTool = Literal["nextpnr", "none"]


@dataclass(frozen=True)
class Options:
    """Options of a run.

    Attributes:
        force: Whether to repeat finished stages.
        synth: Synthesis tool.
        place: Tool for place and route; ignored for devices without open place and route.
        yosys: Program of yosys, instead of the installed package. A name without a folder is
            looked up on the PATH.
        activity: Whether verification also measures toggle rates.
        progress: Receives the progress of the stages.
    """

    force: bool = False
    synth: SynthesisTool = "yosys"
    place: PlaceTool = "nextpnr"
    yosys: str | Path | None = None
    activity: bool = False
    progress: Progress = field(default_factory=Progress)
