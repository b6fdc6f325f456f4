import subprocess
import sys
from dataclasses import replace
from pathlib import Path

import pytest
import torch

from commands import Run
from narrowcast.compile import HardwareOptions, compile_model
from narrowcast.config import Config, load_config
from narrowcast.data import make_windows, read_table
from narrowcast.estimate import (
    area,
    estimate,
    estimate_design,
    estimate_model,
    estimate_on,
    stand_in,
)
from narrowcast.integer.builder import Shape
from narrowcast.integer.model import IntegerModel, Linear
from narrowcast.integer.random_model import random_model
from narrowcast.model import build
from narrowcast.quantize import finetune, to_integer_model
from narrowcast.targets.device import load_device

EXAMPLE = Path(__file__).parents[2] / "examples" / "demo.toml"


def test_the_estimate_is_what_the_compiler_finds() -> None:
    config = load_config(EXAMPLE)
    found = estimate(config)
    device = load_device(config.hardware.device)
    design = compile_model(
        *(stand_in(config), device, area, HardwareOptions(**config.hardware.choices()))
    )
    assert found.cycles == design.cycles and found.dsp == design.dsp
    assert found.blocks == sum(buffer.blocks for buffer in design.buffers)
    assert found.latency_us == found.cycles / device.clock_mhz
    wide = estimate_model(stand_in(config), device, **config.hardware.choices())
    assert replace(found, spread=None) == wide


def test_the_clock_is_the_devices_own_unless_it_is_configured() -> None:
    of_device = estimate(load_config(EXAMPLE, ["hardware.device=up5k"]))
    assert of_device.clock_mhz == 12.0 and of_device.latency_us == of_device.cycles / 12.0
    configured = estimate(load_config(EXAMPLE, ["hardware.device=up5k", "hardware.clock_mhz=24"]))
    assert configured.latency_us == configured.cycles / 24.0


def test_the_stand_in_has_the_configured_widths() -> None:
    bits = '{"*.weight" = 3, "layers.*.ffn_up.activation" = 5, default = 7}'
    further = ("quantization.activation_bits=4", "quantization.input_bits=6")
    config = load_config(EXAMPLE, [f"quantization.bits={bits}", *further])
    model = stand_in(config)
    assert {s.weight_bits for s in model.operations if isinstance(s, Linear)} == {3}
    assert model.tensors["layers.0.ffn_up.output"].bits == 5
    assert model.tensors["layers.0.key.output"].bits == 7
    assert model.tensors["layers.0.query.output"].bits == 4
    assert model.tensors["input"].bits == 6


@pytest.mark.parametrize(
    "sizes",
    [
        "model.channels=64 model.heads=64 model.ffn_channels=64 model.layers=40 data.window=13",
        pytest.param(
            "model.channels=20 model.heads=20 model.ffn_channels=8 data.window=200 "
            "data.outputs=4096",
            marks=pytest.mark.long,
        ),
    ],
    ids=["jobs", "values"],
)
def test_a_program_near_the_limits_takes_little_memory(sizes: str) -> None:
    """Of 70,000 jobs, and of a million values: at most 500 MB besides the libraries."""
    keys = [*sizes.split(), "train.batch=2", "quantization.bits=2", "hardware.device=xc7s25"]
    keys += ["model.pooling=mean", "model.kernel=1", "model.fold=false"]  # more jobs
    code = (
        "import resource, sys\n"
        "from narrowcast.compile import list_scheduler\n"
        "from narrowcast.config import load_config\n"
        "from narrowcast.estimate import estimate_on, stand_in\n"
        "usage = lambda: resource.getrusage(resource.RUSAGE_SELF).ru_maxrss\n"
        "before = usage()\n"
        "config = load_config(*sys.argv[1:2], sys.argv[2:])\n"
        "estimate_on(config, stand_in(config))\n"
        "print((usage() - before) / 1024)\n"
    )
    command = [sys.executable, "-c", code, EXAMPLE, *keys]
    assert float(subprocess.check_output(command, text=True)) < 500


def test_verdicts() -> None:
    config = load_config(EXAMPLE)
    device = load_device(config.hardware.device)
    design = compile_model(
        *(stand_in(config), device, area, HardwareOptions(**config.hardware.choices()))
    )
    known = estimate_design(design)
    found = {}
    for share in (2.0, 1 + known.lut_error / 2, 0.5):  # of what is estimated
        small = replace(device, lut=round(share * known.lut))
        guess = estimate_design(replace(design, device=small))
        found[share] = guess.fits, guess.too_large
    assert list(found.values()) == [(True, False), (False, False), (False, True)]


def test_a_stand_in_has_no_zero_points_where_the_scheme_is_symmetric() -> None:
    scheme = '{"layers.*.query.activation" = "symmetric"}'
    config = load_config(EXAMPLE, [f"quantization.scheme={scheme}"])
    zero = {name: t.zero_point for name, t in stand_in(config).tensors.items()}
    assert zero["layers.0.query.output"] == 0
    free = {"embed.output", "layers.0.context.output", "layers.0.attention_out.output"}
    assert any(zero[name] for name in free)


def test_an_array_of_lanes_that_fits_is_preferred_to_a_faster_one() -> None:
    device = load_device("xc7s6")
    model = random_model(Shape(6, 7, 64), (4,), input_bits=8)
    fitting = estimate_model(model, device)
    faster = estimate_model(model, replace(device, lut=10**5))
    assert fitting.fits
    assert faster.cycles < fitting.cycles and faster.lut > device.lut


def test_a_stand_in_takes_what_a_network_of_real_readings_takes(run: Run, folder: Path) -> None:
    """Its scales, zero points and biases are drawn, those of a network come of its readings."""
    table = EXAMPLE.with_name("synthetic.csv")
    assert run("init", str(table), "--target", "temperature", "--to", "real.toml")[0] == 0
    changes = ["quantization.bits=4", "hardware.device=up5k", "train.finetune_epochs=1"]
    config = load_config(folder / "real.toml", changes)
    found, guess = estimate_on(config, trained(config)), estimate(config)
    assert (found.cycles, found.dsp) == (guess.cycles, guess.dsp)
    assert abs(found.blocks - guess.blocks) <= 1
    assert found.cells == pytest.approx(guess.cells, rel=guess.cells_error)


def trained(config: Config) -> IntegerModel:
    """Return a model that was fine-tuned on the readings of a configuration."""
    torch.manual_seed(config.train.seed)
    dataset = make_windows(read_table(config.data), config.data, config.stream)
    network, _ = finetune(build(config).eval(), dataset, config)
    return to_integer_model(network, dataset, config.data)


@pytest.mark.parametrize(
    ("changes", "several"),
    [
        ("model.channels=16", True),
        ("model.channels=8 quantization.activation_bits=6", True),
        ("model.channels=12 quantization.bits=5 data.scaling=min-max hardware.device=up5k", False),
        ("model.channels=32 data.window=24 data.scaling=min-max", True),  # other lanes
        ("model.channels=16 quantization.bits=4 hardware.device=ecp5-25f", False),
        ("model.kind=stream", True),
    ],
)
def test_a_trained_model_takes_what_the_estimate_says(changes: str, several: bool) -> None:
    config = load_config(EXAMPLE, [*changes.split(), "train.finetune_epochs=1"])
    found, guess = estimate_on(config, trained(config)), estimate(config)
    assert found.spread is None and guess.spread is not None
    for name in ("cycles", "dsp", "blocks"):
        least, most = getattr(guess.spread, name)
        assert least <= getattr(found, name) <= most, name
    (least, most), text = guess.spread.cycles, guess.lines()[1]
    said = f"{least} to {most}, by the widths of sums"
    assert (least < most) == several
    assert text.split(":     ")[1] == (
        said if several else f"{most}, with narrow and with wide sums"
    )
    assert found.lines()[1] == f"cycles:     {found.cycles}, exact"
