"""Exported C code on a Cortex-M0+ and a Cortex-M4 in qemu, against the executor."""

from pathlib import Path

import pytest
from c_programs import write_test
from cortex_m import MACHINES, run_on

from graphs import graph_model
from narrowcast.export import c_code
from words import random_words, stream_words

DIGEST = "0123456789abcdef" * 4


@pytest.mark.parametrize("core", MACHINES)
@pytest.mark.parametrize("name", ["stream", "biased_scores", "elements_of_two_inputs"])
def test_graphs(tmp_path: Path, name: str, core: str) -> None:
    model = graph_model(name)
    code = c_code(model, DIGEST, "model")
    if model.states:
        inputs, restart, outputs = stream_words(model, 20)
        write_test(tmp_path, code, inputs, outputs, restart)
    else:
        write_test(tmp_path, code, *random_words(model, 20))
    run = run_on(core, tmp_path)
    assert run.agrees
    assert code.constant_bytes < run.flash < code.constant_bytes + 6000
    assert code.static_bytes <= run.ram <= code.static_bytes + 8


@pytest.mark.parametrize("core", MACHINES)
def test_a_difference_is_seen(tmp_path: Path, core: str) -> None:
    model = graph_model("chain")
    code = c_code(model, DIGEST, "model")
    inputs, outputs = random_words(model, 5)
    outputs[4, 3] += 1
    write_test(tmp_path, code, inputs, outputs)
    assert not run_on(core, tmp_path).agrees
