"""The commands of the stages, and ``build``, which runs all of them."""

from pathlib import Path
from typing import TYPE_CHECKING

import typer

from narrowcast.cli.options import Activity, ConfigFile, Data, Force, Out, Place, Set, Synth, Yosys
from narrowcast.cli.output import command_progress, one_line_errors
from narrowcast.training_records import cut_off_line

if TYPE_CHECKING:
    from narrowcast.report import Report


def build(
    *,
    config: ConfigFile,
    out: Out,
    data: Data = None,
    set_: Set = None,
    force: Force = False,
    synth: Synth = "yosys",
    place: Place = "nextpnr",
    activity: Activity = False,
    yosys: Yosys = None,
) -> None:
    """Run all stages: train, quantize, compile, verify, synth, place, report.

    Stages that are up to date are skipped.
    """
    with one_line_errors():
        from narrowcast import load_config, pipeline

        settings = load_config(config, set_ or (), data)
        options = pipeline.Options(force, synth, place, yosys, activity, command_progress())
        _summary(pipeline.build(settings, out, options), out)


def train(
    *, config: ConfigFile, out: Out, data: Data = None, set_: Set = None, force: Force = False
) -> None:
    """Train the model in floating point (stage 1 of 7)."""
    with one_line_errors():
        from narrowcast import load_config, pipeline

        options = pipeline.Options(force=force, progress=command_progress())
        pipeline.train(load_config(config, set_ or (), data), out, options)


def quantize(
    *, config: ConfigFile, out: Out, data: Data = None, set_: Set = None, force: Force = False
) -> None:
    """Quantise the trained model (stage 2 of 7).

    The model is fine-tuned with fake quantisation and exported to integer_model.json.
    """
    with one_line_errors():
        from narrowcast import load_config, pipeline

        options = pipeline.Options(force=force, progress=command_progress())
        pipeline.quantize(load_config(config, set_ or (), data), out, options)


def compile(
    *, config: ConfigFile, out: Out, data: Data = None, set_: Set = None, force: Force = False
) -> None:
    """Compile the integer model to VHDL (stage 3 of 7).

    Writes the sources to DIR/rtl and the test vectors to DIR/vectors.
    """
    with one_line_errors():
        from narrowcast import load_config, pipeline

        options = pipeline.Options(force=force, progress=command_progress())
        pipeline.compile(load_config(config, set_ or (), data), out, options)


def verify(
    *,
    config: ConfigFile,
    out: Out,
    data: Data = None,
    set_: Set = None,
    force: Force = False,
    activity: Activity = False,
) -> None:
    """Simulate the VHDL and compare it bit for bit with the integer model (stage 4 of 7).

    Verilator simulates all test windows, GHDL a few. Both must be installed.
    """
    with one_line_errors():
        from narrowcast import load_config, pipeline

        options = pipeline.Options(force=force, activity=activity, progress=command_progress())
        pipeline.verify(load_config(config, set_ or (), data), out, options)


def synth(
    *,
    config: ConfigFile,
    out: Out,
    data: Data = None,
    set_: Set = None,
    force: Force = False,
    synth: Synth = "yosys",
    yosys: Yosys = None,
) -> None:
    """Synthesise the VHDL and count its resources (stage 5 of 7).

    A project for Vivado is also written to DIR/vivado.
    """
    with one_line_errors():
        from narrowcast import load_config, pipeline

        progress = command_progress()
        options = pipeline.Options(force=force, synth=synth, yosys=yosys, progress=progress)
        pipeline.synth(load_config(config, set_ or (), data), out, options)


def place(
    *,
    config: ConfigFile,
    out: Out,
    data: Data = None,
    set_: Set = None,
    force: Force = False,
    yosys: Yosys = None,
) -> None:
    """Place and route the design for a board, and write its bitstream (stage 6 of 7).

    For iCE40, ECP5 and Gowin. The bitstream is in DIR/board. See docs/boards.md for its protocol.
    """
    with one_line_errors():
        from narrowcast import load_config, pipeline

        options = pipeline.Options(force=force, yosys=yosys, progress=command_progress())
        pipeline.place(load_config(config, set_ or (), data), out, options)


def report(
    *,
    config: ConfigFile,
    out: Out,
    data: Data = None,
    set_: Set = None,
    force: Force = False,
    place: Place = "nextpnr",
) -> None:
    """Collect all results in report.json and report.html (stage 7 of 7)."""
    with one_line_errors():
        from narrowcast import load_config, pipeline

        options = pipeline.Options(force=force, place=place, progress=command_progress())
        _summary(pipeline.report(load_config(config, set_ or (), data), out, options), out)


def _summary(report: "Report", out: Path) -> None:
    """Print a summary of a report."""
    from narrowcast.report.tasks import score_lines

    synthesis, checked = report.synthesis, report.verification.verilator
    used = ", ".join(f"{value:g} {key.upper()}" for key, value in synthesis.used.items())
    for line in score_lines(report):
        typer.echo(line)
    typer.echo(f"cut off:    {cut_off_line(report.accuracy.cut_off)}")
    typer.echo(f"verified:   {checked.windows} windows, {checked.mismatches} mismatches")
    typer.echo(f"latency:    {report.latency_us:.1f} us ({report.cycles.simulated} cycles)")
    typer.echo(f"resources:  {used} of {synthesis.device}")
    if (placed := report.place_and_route) is not None:
        typer.echo(f"routed:     {placed.fmax_mhz:.1f} MHz at most, {out / placed.bitstream}")
    if (measured := report.activity) is not None:
        typer.echo(
            f"energy:     {measured.energy_uj:.3g} uJ estimated with measured toggle rates, "
            f"{report.estimate.energy_uj:.3g} uJ without"
        )
    typer.echo(f"report:     {out / 'report.html'}")
    typer.echo(f"next:       narrowcast run {out} --port sim:{out} --data NEW.csv")
