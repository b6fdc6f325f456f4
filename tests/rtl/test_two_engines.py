"""Engines of different models live in one design: a VHDL library is all that sets them apart."""

from pathlib import Path

import numpy as np
from bench import HERE

from narrowcast.compile import compile_model
from narrowcast.estimate.area import area
from narrowcast.integer.execute import execute_words
from narrowcast.integer.random_model import Shape, random_model
from narrowcast.targets.device import load_device
from narrowcast.tools.ghdl import SOURCES, TESTBENCH
from narrowcast.tools.process import require, run

MODELS = {
    "a": random_model(Shape(3, 2, 4, outputs=2), (4, 8), 3),
    "b": random_model(Shape(4, 1, 6, heads=2), (3, 6), 1),
}


def test_both_are_exact(tmp_path: Path) -> None:
    expected = {}
    for name, model in MODELS.items():
        rtl = tmp_path / name
        compile_model(model, load_device("xc7s15"), area).write_rtl(rtl)
        sources = [*(rtl / source for source in SOURCES), TESTBENCH]
        library = f"--work=engine_{name}"
        run([require("ghdl"), "-a", "--std=08", "--warn-error", library, *sources], tmp_path)
        (t,) = model.input_tensors
        inputs = np.random.default_rng(2).integers(t.low, t.high + 1, (5, model.input_words))
        lines = "".join(f"{word} 0\n" for word in inputs.ravel().tolist())  # without a restart
        (tmp_path / f"inputs_{name}.txt").write_text(lines)
        expected[name] = execute_words(model, inputs).ravel().tolist()
    run([require("ghdl"), "-a", "--std=08", HERE / "two_engines_tb.vhd"], tmp_path)
    options = ("--ieee-asserts=disable", "--max-stack-alloc=0")
    run([require("ghdl"), "-r", "--std=08", "two_engines_tb", *options], tmp_path)
    for name, words in expected.items():
        lines = (tmp_path / f"outputs_{name}.txt").read_text().splitlines()
        assert [int(line) for line in lines if not line.startswith("cycles")] == words
