from dataclasses import replace

import pytest

from narrowcast.compile import Design, HardwareOptions, compile_model
from narrowcast.estimate import area, energy_at, estimate_design
from narrowcast.estimate.power import Energy, Rates, activity, energy, published_uj
from narrowcast.integer.builder import Shape
from narrowcast.integer.random_model import random_model
from narrowcast.targets.device import device_names, load_device

PUBLISHED = [  # window, channels, bits, uJ, cycles, seconds: arXiv 2407.11041, 2410.03294
    (12, 32, 4, 84.0, 169_000, 1.33e-3),
    (6, 64, 8, 212.0, 284_600, 2.82e-3),
]


def design(
    window: int = 4, channels: int = 8, bits: int = 4, options: HardwareOptions | None = None
) -> Design:
    model = random_model(Shape(window, 7, channels), (bits,), input_bits=8)
    return compile_model(model, load_device("xc7s15"), area, options)


def test_products_are_those_of_the_program() -> None:
    one = design(options=HardwareOptions(lanes=8, ways=1, pairs=False))
    steps = [
        s
        for s in one.schedule.steps
        for j in one.schedule.jobs
        if s.name == one.schedule.steps[j.step].name
    ]
    pairs = sum(step.tiles * step.inner for step in steps)
    scores = sum(step.columns for step in steps if step.name.endswith("scores"))
    values = sum(step.columns for step in steps) + scores
    assert activity(one).products == 8 * pairs + (one.dsp - 8) * values


def test_memories_in_tables_are_no_block_accesses() -> None:
    model = random_model(Shape(4, 7, 8), (4,))
    kinds = ("weights", "activations", "keys", "values", "parameters")
    kinds += ("exponentials", "softmax", "program")
    tables = dict.fromkeys(kinds, "distributed")
    device = load_device("xc7s15")
    bare = compile_model(model, device, area, HardwareOptions(storage=tables))
    assert activity(bare).accesses == 0
    options = HardwareOptions(storage={**tables, "program": "block"})
    blocks = compile_model(model, device, area, options)
    assert activity(blocks).accesses == 2 * len(blocks.schedule.jobs)


def test_energy_is_power_times_time() -> None:
    slow, fast = (energy(design(), 2000, mhz) for mhz in (10.0, 100.0))
    assert slow.dynamic_uj == pytest.approx(fast.dynamic_uj)
    for each in (slow, fast):
        assert each.inference_uj == pytest.approx(each.power_mw * each.seconds * 1000)
    assert slow.power_mw < fast.power_mw and slow.inference_uj > fast.inference_uj


def test_the_clock_network_counts_in_every_cycle() -> None:
    up5k = load_device("up5k")
    model = random_model(Shape(4, 7, 8), (4,), input_bits=8)
    ours = compile_model(model, up5k, area)
    found = energy(ours, 2000, 12.0)
    assert found.clock_uj == pytest.approx(ours.cycles * 53e-6)
    without = replace(up5k, power=replace(up5k.power, clock_pj=None))
    rest = energy(replace(ours, device=without), 2000, 12.0)
    assert found.dynamic_uj - rest.dynamic_uj == pytest.approx(found.clock_uj)


@pytest.mark.parametrize("name", device_names())
def test_every_device_states_its_uncertainty(name: str) -> None:
    power = load_device(name).power
    assert 0 < power.static_error < 1 and 0 < power.dynamic_error < 1
    guess = estimate_design(replace(design(), device=load_device("xc7s15")))
    assert 0 < guess.power_error < 1


@pytest.mark.parametrize(("window", "channels", "bits", "total", "cycles", "seconds"), PUBLISHED)
def test_ten_times_less_energy_than_published(
    window: int, channels: int, bits: int, total: float, cycles: int, seconds: float
) -> None:
    ours = design(window, channels, bits)
    guess = estimate_design(ours)
    then = published_uj(total, cycles, ours.device.power, seconds, 100.0)
    assert then == pytest.approx(total, rel=0.2)
    assert then >= 10 * guess.energy_uj * (1 + guess.power_error)


def test_each_dynamic_term_follows_its_own_toggle_rate() -> None:
    power, known = load_device("xc7s15").power, Energy(32.0, 1.0, 2.0, 4.0, 0.5, 1e-4, 0.0)
    lanes, memories, rest = power.lane_toggles, power.memory_toggles, power.rest_toggles
    same = energy_at(known, Rates(lanes, memories, rest, 9), power)
    assert same.inference_uj == pytest.approx(known.inference_uj)
    found = energy_at(known, Rates(lanes / 2, 3 * memories, 5 * rest, 9), power)
    terms = (found.lanes_uj, found.memories_uj, found.rest_uj)
    assert terms == pytest.approx((0.5, 6.0, 20.0)) and found.clock_uj == 0.5
    assert found.static_mw == 32.0 and found.error > same.error > 0
    nothing = energy_at(known, Rates(None, None, rest, 9), power)
    assert nothing == same
