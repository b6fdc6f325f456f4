"""The stages of a run and their order."""

from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import Any

from narrowcast.compile.summary import CompileResults
from narrowcast.config import Config
from narrowcast.pipeline import preconditions
from narrowcast.pipeline.options import Options
from narrowcast.pipeline.stages import Stage
from narrowcast.pipeline.tasks import compile, place, quantize, report, synth, train, verify
from narrowcast.report.schema import Report
from narrowcast.targets.device import load_device
from narrowcast.tools.nextpnr import Placement
from narrowcast.tools.verification import VerifyResults
from narrowcast.tools.yosys import Synthesis
from narrowcast.training_records import QuantizeResults, TrainResults

NAMES = ("train", "quantize", "compile", "verify", "synth", "place", "report")


@dataclass(frozen=True)
class Plan:
    """The stages of a run, bound to a configuration and an output folder.

    Attributes:
        train: Training in floating point.
        quantize: Fine-tuning with fake quantisation, and the integer model.
        compile: Compilation of the integer model to VHDL.
        verify: Simulation.
        synth: Synthesis.
        place: Place and route; None if the device has no open one, or if it is disabled.
        report: Report on all stages.
    """

    train: Stage[TrainResults]
    quantize: Stage[QuantizeResults]
    compile: Stage[CompileResults]
    verify: Stage[VerifyResults]
    synth: Stage[Synthesis]
    place: Stage[Placement] | None
    report: Stage[Report]

    @property
    def stages(self) -> list[Stage[Any]]:
        """All stages in order."""
        stages = (getattr(self, name) for name in NAMES)
        return [stage for stage in stages if stage is not None]


def plan(config: Config, out: Path, options: Options) -> Plan:
    """Return the stages of a run.

    Raises:
        UserError: The device is unknown.
    """
    device = load_device(config.hardware.device)
    can_learn = partial(preconditions.can_learn, config)
    can_synthesise = partial(preconditions.can_synthesise, device, options)
    can_place = partial(preconditions.can_place, device, config.hardware.interface, options)
    placed = options.place != "none" and device.board is not None
    learnt = train.stage(config, can_learn)
    quantised = quantize.stage(config, out, can_learn)
    compiled = compile.stage(config, out)
    verified = verify.stage(config, out, preconditions.can_simulate, activity=options.activity)
    synthesised = synth.stage(config, out, options, can_synthesise)
    routed = place.stage(config, out, options, can_place) if placed else None
    earlier = (learnt, quantised, compiled, verified, synthesised, routed)
    return Plan(
        train=learnt,
        quantize=quantised,
        compile=compiled,
        verify=verified,
        synth=synthesised,
        place=routed,
        report=report.stage(config, out, [stage for stage in earlier if stage is not None]),
    )
