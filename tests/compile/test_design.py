import hashlib
import re
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

from narrowcast.compile import compile_model
from narrowcast.compile.design import _check
from narrowcast.compile.program import schedule
from narrowcast.device import Device, device_names, load_device
from narrowcast.errors import UserError
from narrowcast.hardware.ghdl import SOURCES
from narrowcast.integer import Linear
from narrowcast.integer.random_model import Shape, random_model

SMALL = Shape(4, 3, 8, heads=2)


def refusal(shape: Shape, device: Device, **settings: object) -> str:
    with pytest.raises(UserError) as caught:
        compile_model(random_model(shape, (8,), 0), device, **settings)  # type: ignore[arg-type]
    text = str(caught.value)
    assert "\n" not in text
    return text


def test_too_many_lanes() -> None:
    device = load_device("xc7s15")
    text = refusal(SMALL, device, lanes=30)
    match = re.fullmatch(
        r"the model does not fit xc7s15: it needs (\d+) DSP of 20, (\d+) too many; "
        r"lower hardware.lanes",
        text,
    )
    assert match is not None, text
    assert int(match[1]) - 20 == int(match[2])
    assert 32 <= int(match[1]) <= 33


def test_too_many_tables() -> None:
    text = refusal(Shape(12, 7, 128), load_device("xc7s6"))
    match = re.search(
        r"fit xc7s6: it needs ([\d.e+]+) LUT \(estimated\) of (\d+), ([\d.e+]+) too", text
    )
    assert match is not None, text
    need, have, over = map(float, match.groups())
    assert have == load_device("xc7s6").lut
    assert over == pytest.approx(need - have, rel=1e-4) and over > 0
    assert "quantization.bits" in text and "hardware.device" in text


def test_large_numbers_are_written_out() -> None:
    with pytest.raises(UserError, match=r"needs 1234567 LUT .* of 3750, 1230817 too many"):
        _check(load_device("xc7s6"), 4, 1_234_567, ())


def test_too_much_block_memory() -> None:
    device = replace(load_device("xc7s15"), blocks=2)
    text = refusal(Shape(6, 7, 64), device, storage={"weights": "block"})
    assert re.search(r"RAMB36 of 1, [\d.]+ too many; set hardware.storage to 'auto'", text), text


def test_no_room_for_the_epilogue() -> None:
    assert "2 DSP" in refusal(SMALL, replace(load_device("xc7s15"), dsp=2))


def test_unknown_device() -> None:
    with pytest.raises(UserError) as caught:
        load_device("xc7s16")
    text = str(caught.value)
    assert text.startswith("hardware.device: unknown device 'xc7s16'")
    assert "xc7s15" in text and "\n" not in text


def test_devices() -> None:
    assert {"xc7s6", "xc7s15", "xc7s25"} <= set(device_names())
    for name in device_names():
        device = load_device(name)
        assert device.name == name and device.part.startswith(name)
        assert min(device.lut, device.ff, device.bram36, device.dsp) > 0
        assert device.ff == 2 * device.lut


def test_lanes_by_default_fill_the_dsps_unless_fewer_are_as_fast() -> None:
    device = load_device("xc7s15")
    model = random_model(Shape(6, 7, 64), (8,), 0)
    design = compile_model(model, device)
    assert design.dsp <= device.dsp
    assert design.cycles == schedule(model, design.lanes)[1]
    most = device.dsp - (design.dsp - design.lanes)
    assert design.cycles == min(schedule(model, n)[1] for n in range(most - 3, most + 1))


def test_costs_add_up() -> None:
    model = random_model(Shape(5, 3, 12, layers=2, heads=3), (4, 8), 2)
    design = compile_model(model, load_device("xc7s15"), 7)
    assert sum(s.macs for s in design.steps) == model.macs
    loading = model.window * model.inputs
    draining = design.cycles - loading - sum(s.cycles for s in design.steps)
    assert 0 < draining < 40
    assert design.utilisation == model.macs / (7 * design.cycles)
    for step in design.steps:
        assert 0 < step.utilisation <= 1
        assert step.utilisation == step.macs / (step.cycles * 7)


def test_sources_are_written(tmp_path: Path) -> None:
    model = random_model(SMALL, (8,), 0)
    design = compile_model(model, load_device("xc7s15"), 4)
    design.write_rtl(tmp_path / "rtl")
    assert {p.name for p in (tmp_path / "rtl").iterdir()} == set(SOURCES)
    package = (tmp_path / "rtl" / "engine_config.vhd").read_bytes()
    assert hashlib.sha256(package).hexdigest() == design.digest
    assert compile_model(model, load_device("xc7s15"), 4).digest == design.digest
    assert compile_model(model, load_device("xc7s15"), 5).digest != design.digest
    assert max(len(line) for line in package.splitlines()) < 2000


def test_weights_lie_as_documented() -> None:
    """Tile by tile, a word for each inner index, lane 0 in the lowest bits."""
    model = random_model(SMALL, (8,), 0)
    lanes = 3
    package = compile_model(model, load_device("xc7s15"), lanes)._package
    body = package.split("constant WEIGHTS", 1)[1].split(":=", 1)[1].split(";", 1)[0]
    bits = ""
    for base, digits in re.findall(r'(x?)"([0-9A-F]+)"', body):
        bits += "".join(f"{int(d, 16):04b}" for d in digits) if base else digits
    words = [bits[i : i + 8 * lanes] for i in range(0, len(bits), 8 * lanes)]
    for step in model.steps:
        if not isinstance(step, Linear):
            continue
        weights = model.arrays[step.weights]
        tiles = -(-len(weights) // lanes)
        mine, words = words[: tiles * weights.shape[1]], words[tiles * weights.shape[1] :]
        for i, word in enumerate(mine):
            tile, k = divmod(i, weights.shape[1])
            for lane in range(lanes):
                digits = word[len(word) - 8 * (lane + 1) : len(word) - 8 * lane]
                column = tile * lanes + lane
                expected = weights[column, k] if column < len(weights) else 0
                assert int(np.int8(int(digits, 2) - (256 if digits[0] == "1" else 0))) == expected
    assert words == []
