"""Estimates of what a model takes on a microcontroller, against code that runs."""

from dataclasses import replace
from pathlib import Path

import pytest
from c_programs import write_test
from cortex_m import MACHINES, run_on

from narrowcast.export import bench_words, c_code, cost
from narrowcast.export.cost import costs, microcontrollers
from narrowcast.integer.builder import Shape
from narrowcast.integer.random_model import random_model

SHAPES = {
    "window": Shape(window=10, inputs=5, channels=24, layers=1, heads=2, outputs=1),
    "stream": Shape(window=12, inputs=3, channels=16, layers=2, heads=4, kind="stream"),
}


@pytest.mark.parametrize("kind", SHAPES)
def test_estimates_are_near_what_runs(tmp_path: Path, kind: str) -> None:
    model = random_model(SHAPES[kind], (7, 8), 100, input_bits=10)
    code = c_code(model, "", "model")
    windows = bench_words(model, tmp_path / "none", 2 * model.kept_rows + 4)
    write_test(tmp_path, code, *windows)
    for core in MACHINES:
        run = run_on(core, tmp_path)
        assert run.agrees
        for each in costs(code):
            if each.core == core:
                assert each.instructions == pytest.approx(run.instructions, rel=0.15)
                assert run.flash < each.flash < run.flash + 3000
                assert run.ram + code.word_bytes < each.ram


def test_energy_is_that_of_the_current() -> None:
    found = costs(c_code(random_model(SHAPES["window"]), ""))[0]
    assert found.part == "STM32L072"
    # 93 uA/MHz are 93 pC a cycle
    assert found.energy_uj == pytest.approx(found.cycles * 93e-12 * 3.0 * 1e6, rel=1e-4)
    assert found.ms == pytest.approx(found.cycles / 32e6 * 1e3, rel=1e-4)
    assert found.fits


def test_an_unknown_current_gives_no_energy_and_small_memories_do_not_fit(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    part = microcontrollers()[0]
    small = replace(part, ram=300, ua_per_mhz=None)
    tiny = replace(part, flash=4096)
    monkeypatch.setattr(cost, "microcontrollers", lambda: (small, tiny))
    first, second = costs(c_code(random_model(SHAPES["window"]), ""))
    assert not first.fits and first.energy_uj is None
    assert not second.fits and second.energy_uj is not None


def test_parts_state_their_sources() -> None:
    parts = microcontrollers()
    assert {each.core for each in parts} == set(MACHINES)
    for each in parts:
        assert each.source and (each.ua_per_mhz is None) == (each.volts is None)
