"""The whole chain down to a bitstream, on the small made-up series."""

from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from narrowcast import load_config, pipeline
from narrowcast.config import Config
from narrowcast.errors import UserError
from narrowcast.pipeline import Options, commands
from narrowcast.pipeline.stages import Stage
from narrowcast.progress import Progress
from narrowcast.tools.nextpnr import CriticalPath, Placement
from narrowcast.tools.verification import Checked
from narrowcast.tools.yosys import Synthesis

DEMO = Path(__file__).parent.parent / "examples" / "demo.toml"
# Synthesis, place and route take most of the time: the smallest engine.
SMALL = [
    *("data.window=2", "model.channels=2", "model.heads=1", "quantization.bits=2"),
    *("hardware.lanes=1", "hardware.ways=1", "hardware.clock_mhz=100"),
    *("train.epochs=1", "train.finetune_epochs=1"),
]


class Ran(Progress):
    """Keeps the names of the stages that were done, and all warnings."""

    def __init__(self) -> None:
        self.names: list[str] = []
        self.warnings: list[str] = []

    def finished(self, stage: str, seconds: float, *, reused: bool) -> None:  # noqa: ARG002
        if not reused:
            self.names.append(stage)

    def warned(self, stage: str, text: str) -> None:  # noqa: ARG002
        self.warnings.append(text)


def test_build_for_a_board(tmp_path: Path) -> None:
    config = load_config(DEMO, [*SMALL, "hardware.device=up5k", "hardware.interface=spi"])
    report = pipeline.build(config, tmp_path, Options(activity=True))
    placed = report.place_and_route
    assert placed is not None and placed.device == "up5k" and placed.board == "iCEBreaker"
    assert placed.fmax_mhz >= 20
    assert (
        report.clock_mhz == report.estimate.clock_mhz == 12.0
    )  # the board's, not what is configured
    assert report.latency_us == report.cycles.simulated / 12.0
    assert (tmp_path / placed.bitstream).stat().st_size > 100_000
    assert placed.netlist == Checked(3, 0)
    assert report.synthesis.bram is not None and report.synthesis.bram <= placed.bram <= 30
    assert report.synthesis.budget["bram"] == 30
    assert "place" in report.seconds
    assert [path.name for path in (tmp_path / "board").iterdir()] == ["spi_top.bin"]

    activity = report.activity
    assert activity is not None and activity.rates.memories is not None
    assert activity.tool.startswith("GHDL") and activity.windows == 2
    assert 0.03 < activity.rates.rest < 0.3 and 0.1 < activity.rates.memories < 0.7
    assert activity.energy_uj != report.estimate.energy_uj
    assert activity.energy.static_mw == report.estimate.energy.static_mw
    assert "toggle rates from 2 simulated windows" in (tmp_path / "report.html").read_text()

    ran = Ran()
    again = Options(activity=True, progress=ran)
    assert pipeline.build(config, tmp_path, again) == report
    assert ran.names == []
    assert any("100 MHz on up5k" in warning for warning in ran.warnings)
    assert pipeline.report(config, tmp_path) == report  # which tells what 'verify' found
    (tmp_path / placed.bitstream).write_bytes(b"")
    pipeline.build(config, tmp_path, Options(activity=True, progress=ran, place="none"))
    assert ran.names == ["report"]
    unplaced = pipeline.report(config, tmp_path, Options(place="none"))
    assert unplaced.place_and_route is None and "place" not in unplaced.seconds
    with pytest.raises(UserError, match=r"spi_top\.bin: has changed since 'place' made it"):
        pipeline.report(config, tmp_path)


@pytest.mark.parametrize("fits", [True, False])
def test_only_what_fits_is_placed(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, fits: bool
) -> None:
    names: list[str] = []
    results = {
        "synth": Synthesis("yosys", "up5k", 1, 1, dsp=9, budget={"dsp": 9 if fits else 8}),
        "place": Placement(
            *("nextpnr", "up5k", "iCEBreaker"),
            *(
                12.0,
                11.0,
                1,
                1,
                1,
                9,
                CriticalPath(90.9, 10.0, 5, "a", "b"),
                Path("serial_top.bin"),
            ),
        ),
    }

    def run_stage(_: Path, stage: Stage[Any], *__: object, force: bool) -> object:
        assert not force
        names.append(stage.name)
        return results.get(stage.name)

    monkeypatch.setattr(commands, "run_stage", run_stage)
    monkeypatch.setattr(commands, "check_ready", lambda *_: None)
    config = load_config(DEMO, [*SMALL, "hardware.device=up5k"])
    with pytest.raises(UserError, match="reaches 11 MHz" if fits else "takes 9 DSP of 8"):
        pipeline.build(config, tmp_path)
    assert ("place" in names) == fits and names[-1] == "report"
    names.clear()
    results["synth"] = Synthesis("yosys", "xc7s15", 1, 1, dsp=9, budget={"dsp": 9})
    pipeline.build(load_config(DEMO), tmp_path)  # for a device without open place and route
    assert "place" not in names


def test_nothing_to_place_on(tmp_path: Path) -> None:
    with pytest.raises(UserError, match="xc7s15 has no open place and route"):
        pipeline.place(load_config(DEMO), tmp_path)


@pytest.mark.parametrize("command", [pipeline.place, pipeline.build])
def test_no_pins_for_the_interface(
    tmp_path: Path, command: Callable[[Config, Path], object]
) -> None:
    config = load_config(DEMO, [*SMALL, "hardware.device=gw1nr-9", "hardware.interface=spi"])
    with pytest.raises(
        UserError, match="no pins of the Tang Nano 9K are known for it: take 'uart'"
    ):
        command(config, tmp_path / "out")
    assert not (tmp_path / "out" / "training.json").exists()


def test_place_needs_the_model_that_it_checks(tmp_path: Path) -> None:
    with pytest.raises(UserError, match="run 'narrowcast quantize' first"):
        pipeline.place(load_config(DEMO, ["hardware.device=up5k"]), tmp_path)
