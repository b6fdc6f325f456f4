"""What is not in the configuration: how to work, not what to make."""

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
    """How to work.

    Attributes:
        force: Do stages again that are finished.
        synth: Who counts resources.
        place: Who places and routes; does not matter for a device that has no open tool for it.
        yosys: Another yosys than the one that comes along.
        activity: Measure toggle rates when the design is verified.
        progress: Told how far a stage is.
    """

    force: bool = False
    synth: SynthesisTool = "yosys"
    place: PlaceTool = "nextpnr"
    yosys: Path | None = None
    activity: bool = False
    progress: Progress = field(default_factory=Progress)

    def find_yosys(self) -> Path | None:
        """Return where the user's yosys is, whatever the working folder.

        Raises:
            UserError: It is not there.
        """
        if self.yosys is None:
            return None
        found = shutil.which(self.yosys)
        if found is None:
            raise UserError(f"{self.yosys}: no such program")
        return Path(found).resolve()
