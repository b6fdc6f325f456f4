"""A stream through the stages up to the vectors of the simulation."""

from pathlib import Path

import numpy as np

from narrowcast import load_config, pipeline
from narrowcast.integer import execute_words, load_model
from narrowcast.vectors import read_vectors


def test_a_stream_is_trained_quantised_and_compiled(folder: Path) -> None:
    path = folder / "readings.csv"
    header, *rows = path.read_text().splitlines()
    rows[108] = rows[108].replace(",3,", ",,")  # a reading of the test part is missing
    path.write_text("\n".join([header, *rows]))
    config = load_config(folder / "run.toml", ["model.kind=stream", "model.channels=8"])
    trained = pipeline.train(config, folder / "out")
    windows = trained.data.windows
    assert windows.early is not None and windows.early >= 4
    assert str(windows).startswith(f"{windows.train} forecasts for training, ")
    assert "rest on fewer readings than a window has" in str(windows)
    assert trained.test["ridge"] is not None
    quantised = pipeline.quantize(config, folder / "out")
    assert quantised.test["qat"] == quantised.test["integer"]
    pipeline.compile(config, folder / "out")
    model = load_model(folder / "out")
    inputs, expected, restart = read_vectors(folder / "out" / "vectors", model)
    assert restart is not None and restart[0] and restart.sum() == 2
    assert len(inputs) > windows.test  # the first readings have no target
    assert np.array_equal(execute_words(model, inputs, restart), expected)


def test_a_stream_whose_states_a_host_keeps(folder: Path) -> None:
    """The simulation resets the engine between readings, and puts the states back."""
    changes = ["model.kind=stream", "model.channels=4", "hardware.state_access=true"]
    config = load_config(folder / "run.toml", changes)
    pipeline.train(config, folder / "out")
    pipeline.quantize(config, folder / "out")
    program = pipeline.compile(config, folder / "out")
    assert program.state_access
    assert "state row" in {buffer.name for buffer in program.buffers}
    verified = pipeline.verify(config, folder / "out")
    assert verified.verilator.mismatches == verified.ghdl.mismatches == 0
    assert verified.cycles.predicted == verified.cycles.simulated
