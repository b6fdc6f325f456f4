"""Options of a run that do not belong to the configuration."""

import shutil
from dataclasses import dataclass, field
from pathlib import Path
from typing import Literal

from narrowcast.errors import UserError
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
        yosys: Path of yosys, instead of the installed package.
        activity: Whether verification also measures toggle rates.
        progress: Receives the progress of the stages.
    """

    force: bool = False
    synth: SynthesisTool = "yosys"
    place: PlaceTool = "nextpnr"
    yosys: Path | None = None
    activity: bool = False
    progress: Progress = field(default_factory=Progress)

    def find_yosys(self) -> Path | None:
        """Return the absolute path of the user's yosys; None if it is not set.

        Raises:
            UserError: There is no such program.
        """
        if self.yosys is None:
            return None
        path = shutil.which(self.yosys)
        if path is None:
            raise UserError(f"{self.yosys}: no such program")
        return Path(path).resolve()
