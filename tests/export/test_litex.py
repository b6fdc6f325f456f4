"""``examples/litex_soc.py``: a core in a LiteX system answers as the integer model does."""

import sys
from pathlib import Path

import pytest
from cores import Exported

from narrowcast.errors import ToolError
from narrowcast.integer.builder import Shape
from narrowcast.integer.random_model import random_model
from narrowcast.tools.process import run
from narrowcast.vectors import read_vectors

EXAMPLES = Path(__file__).parents[2] / "examples"
MODELS = {
    "window": random_model(Shape(3, 2, 4, outputs=2), (4, 8), 8, output_bits=24),
    "stream": random_model(Shape(3, 1, 4, heads=2, kind="stream"), (4, 8), 8),
}


def simulate(core: Path, soc: Path) -> str:
    """Write the SoC, and return what its bench says."""
    run([sys.executable, EXAMPLES / "litex_soc.py", core, "--to", soc], soc.parent, name="LiteX")
    bench = [sys.executable, EXAMPLES / "litex_bench.py", core, soc]
    return run(bench, soc.parent, name="cocotb")


@pytest.mark.parametrize("name", MODELS)
def test_a_litex_system_answers_as_the_integer_model(name: str, tmp_path: Path) -> None:
    """Words of 24 bits and negative ones, and restarts of a stream, are among the vectors."""
    model = MODELS[name]
    core = Exported(f"pump_{name}", model, tmp_path).core
    _, expected, restart = read_vectors(core / "vectors", model)
    assert restart is None or restart[1:].any()
    assert expected.min() < 0
    assert "TESTS=4 PASS=4 FAIL=0 SKIP=0" in simulate(core, tmp_path / "soc")

    vectors = core / "vectors" / "expected.hex"
    first, *others = vectors.read_text().splitlines()
    wrong = f"{int(first, 16) ^ 1:0{len(first)}x}"
    vectors.write_text("\n".join([wrong, *others]) + "\n")
    with pytest.raises(ToolError, match="TESTS=4 PASS=0 FAIL=4"):
        simulate(core, tmp_path / "soc")


def test_a_folder_without_a_core(tmp_path: Path) -> None:
    command = [sys.executable, EXAMPLES / "litex_soc.py", tmp_path, "--to", tmp_path / "soc"]
    with pytest.raises(ToolError, match="not a folder of narrowcast export core"):
        run(command, tmp_path, name="LiteX")
    assert not (tmp_path / "soc").exists()
