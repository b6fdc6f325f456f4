"""``narrowcast export c``: what it writes and prints, and what it refuses."""

import json
import subprocess
from pathlib import Path

import pytest
from c_programs import compiled
from typer.testing import CliRunner, Result

from graphs import graph_model
from narrowcast.cli import app
from narrowcast.files import write_whole
from narrowcast.integer import save_model
from narrowcast.integer.loaded_weights import WEIGHTS
from narrowcast.outputs import RTL
from narrowcast.vectors import write_vectors
from words import stream_words


def export(*arguments: str | Path) -> Result:
    return CliRunner().invoke(app, ["export", "c", *map(str, arguments)])


@pytest.fixture
def model_folder(tmp_path: Path) -> Path:
    save_model(graph_model("stream"), tmp_path / "out")
    return tmp_path / "out"


def test_files_and_summary(model_folder: Path, tmp_path: Path) -> None:
    to = tmp_path / "a folder" / "c"
    result = export(model_folder, "--to", to, "--name", "pump", "--driver")
    assert result.exit_code == 0, result.output
    written = ["pump.c", "pump.h", "pump_link.c", "pump_link.h"]
    assert sorted(each.name for each in to.iterdir()) == written
    sha256 = json.loads((model_folder / "integer_model.json").read_text())["sha256"]
    assert f'#define PUMP_SHA256 "{sha256}"' in (to / "pump.h").read_text()
    lines = result.output.splitlines()
    assert [line.split(":")[0] for line in lines] == [
        *("constants", "variables", "words", "code", "driver")
    ]
    for name in ("pump.h", "pump_link.h"):
        subprocess.run(["g++", "-fsyntax-only", "-x", "c++", "-Wall", to / name], check=True)


def test_nothing_is_written_with_damaged_weights(model_folder: Path, tmp_path: Path) -> None:
    write_whole(model_folder / RTL / WEIGHTS, b"no weights")
    result = export(model_folder, "--to", tmp_path / "c", "--driver")
    assert result.exit_code == 2
    assert "weights.bin: is damaged: run 'narrowcast compile --force'" in result.output
    assert not (tmp_path / "c").exists()


def test_comparison_with_test_vectors(model_folder: Path, tmp_path: Path) -> None:
    """The test vectors of a build are used, with their restarts."""
    model = graph_model("stream")
    words, restart, results = stream_words(model, 20)
    write_vectors(model_folder / "vectors", model, words, results, restart)
    to = tmp_path / "c"
    assert export(model_folder, "--to", to, "--bench", "12").exit_code == 0
    vectors = (to / "narrowcast_model_vectors.h").read_text()
    assert "#define WINDOWS 12\n" in vectors
    assert ", ".join(map(str, words[11])) in vectors
    program = compiled(to, "main_test.c", "narrowcast_model.c")
    assert subprocess.run([program], check=False).returncode == 0


def test_comparison_without_test_vectors(model_folder: Path, tmp_path: Path) -> None:
    to = tmp_path / "c"
    assert export(model_folder, "--to", to, "--bench", "7").exit_code == 0
    program = compiled(to, "main_test.c", "narrowcast_model.c")
    assert subprocess.run([program], check=False).returncode == 0


def test_formats_by_column(model_folder: Path, tmp_path: Path) -> None:
    options = ["--fraction-bits", "3", "--fraction-bits", "x1=0"]
    assert export(model_folder, "--to", tmp_path, *options).exit_code == 0
    header = (tmp_path / "narrowcast_model.h").read_text()
    assert all(text in header for text in ("x0: F = 3 ", "x1: F = 0 ", "x2: F = 3 "))


@pytest.mark.parametrize(
    ("options", "message"),
    [
        (["--name", "a-b"], "--name: 'a-b' is not possible: "),
        (["--name", "step"], "--name: 'step' is not possible: "),
        (["--name", "ä"], "--name: 'ä' is not possible: "),
        (["--fraction-bits", "much"], "--fraction-bits: 'much' is no whole number, and no COLUMN"),
        (["--fraction-bits", "x9=1"], "--fraction-bits: there is no column 'x9'"),
        (
            ["--fraction-bits", "1", "--fraction-bits", "2"],
            "--fraction-bits: '2' is the second one of its kind",
        ),
        (["--bench", "0"], "--bench: 0 windows are too few"),
    ],
)
def test_options_that_are_refused(
    model_folder: Path, tmp_path: Path, options: list[str], message: str
) -> None:
    result = export(model_folder, "--to", tmp_path / "c", *options)
    assert result.exit_code == 2
    assert result.output.startswith(f"narrowcast: error: {message}")
    assert result.output.count("\n") == 1
    assert not (tmp_path / "c").exists()


def test_folders_that_are_refused(model_folder: Path, tmp_path: Path) -> None:
    result = export(tmp_path, "--to", tmp_path / "c")
    assert result.exit_code == 2
    assert "integer_model.json: there is no such file" in result.output
    (tmp_path / "file").touch()
    result = export(model_folder, "--to", tmp_path / "file" / "c")
    assert result.exit_code == 2
    assert result.output.endswith("narrowcast_model.h: cannot be written: Not a directory\n")
    (model_folder / "integer_model.safetensors").write_bytes(b"")
    result = export(model_folder, "--to", tmp_path / "c")
    assert result.exit_code == 2 and "does not belong to" in result.output
    assert result.output.count("\n") == 1
