import json
import os
import signal
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from commands import Run
from narrowcast import pipeline
from narrowcast.errors import ToolError
from narrowcast.files import locked
from narrowcast.pipeline import commands
from narrowcast.pipeline.plan import Plan
from narrowcast.progress import Progress

COMMANDS = ("build", *pipeline.NAMES)


def snapshot(folder: Path) -> dict[Path, bytes]:
    return {path: path.read_bytes() for path in folder.rglob("*") if path.is_file()}


def complaint(result: tuple[int, str, str]) -> str:
    code, out, err = result
    assert code == 2
    assert out == ""
    assert err.count("\n") == 1 and err.startswith("narrowcast: error: ")
    return err.strip()


def write_table(path: Path, change: Callable[[list[str]], list[str]]) -> None:
    path.write_text("\n".join(change(path.read_text().splitlines())) + "\n")


@pytest.mark.parametrize("command", COMMANDS)
def test_every_command_has_help(run: Run, command: str) -> None:
    code, out, _ = run(command, "--help")
    assert code == 0
    assert "CONFIG.toml" in out and "--out" in out and "--set" in out


@pytest.mark.parametrize(
    ("options", "said"),
    [
        (("--cell", "3"), "--cell needs --every"),
        (("--every", "0"), "--every must be above 0"),
        (("--every", "1e-9"), "--every 1e-09: a forecast takes"),
        (("--device", "xc7s16"), "unknown device 'xc7s16'"),
        (
            ("--device", "Tang-Nano-9k"),
            "is a board with a gw1nr-9: set hardware.device = 'gw1nr-9'",
        ),
        (("--device", ""), "hardware.device = '' is not allowed"),
        (("--set", "hardware.lanes=99999999999"), "from 1 to 4096, or 'auto'"),
        (("--set", "hardware.clock_mhz=1e5"), "must be a frequency in MHz, from 0.001 to 1000"),
        (("--set", "model.layers=100000"), "must be a whole number from 1 to 100"),
        (("--every", "60", "--cell", "-1"), "--cell must be above 0"),
        (("--every", "60", "--cell", "1e308"), "--cell must be above 0 and at most 1e+09"),
        (("--set", "hardware.device=xc7s999"), "xc7s999"),
        (("--set", "model.channels=512"), "does not fit"),
        (("--set", "data.target=z"), "readings.csv: no column 'z': there are 'time', 'a', 'b'"),
        (("--tool", "vivado"), "run 'narrowcast characterise --tool vivado --device xc7s15'"),
        (("--tool", "vivado", "--set", "hardware.device=up5k"), "Vivado does not know up5k"),
    ],
)
def test_estimate_refuses(run: Run, options: tuple[str, ...], said: str) -> None:
    assert said in complaint(run("estimate", "run.toml", *options))


def test_estimate_says_everything(run: Run, folder: Path) -> None:
    (folder / "readings.csv").unlink()
    code, out, err = run("estimate", "run.toml", "--every", "60", "--cell", "3")
    assert (code, err) == (0, "")
    assert [line.split(":")[0] for line in out.splitlines()] == [
        *("latency", "cycles", "DSP", "RAMB18", "LUT", "FF", "fits"),
        *("power", "energy", "always on", "clock stopped", "power off", "best"),
    ]
    _, out, _ = run("estimate", "run.toml", "--every", "60", "--cell", "3", "--json")
    found = json.loads(out)
    (point,) = found["duty_cycle"]["points"]
    assert found["energy_uj"] > 0 and point["every_s"] == 60
    assert set(point["day_j"]) == set(point["battery_days"])
    assert set(point["day_j"]) == {"always_on", "clock_stopped", "power_off"}
    _, out, _ = run("estimate", "run.toml", "--json")
    assert "duty_cycle" not in json.loads(out)


def test_estimate_warns_of_a_clock_beyond_reach(run: Run) -> None:
    device = ("--device", "up5k")
    code, out, err = run("estimate", "run.toml", *device, "--set", "hardware.clock_mhz=100")
    assert code == 0 and "at 100 MHz" in out
    assert err.count("\n") == 1 and "fastest reaches 39.2 MHz" in err
    code, out, err = run("estimate", "run.toml", *device)
    assert (code, err) == (0, "") and "at 12 MHz" in out


def test_characterise_refuses(run: Run) -> None:
    assert "at least 8 points" in complaint(run("characterise", "--points", "2", "--out", "p"))
    assert "xc7s999" in complaint(run("characterise", "--device", "xc7s999"))
    vivado = ("characterise", "--tool", "vivado", "--out", "p")
    assert "Vivado does not know up5k" in complaint(run(*vivado, "--device", "up5k"))
    assert "vivado is not installed" in complaint(run(*vivado))


@pytest.mark.parametrize(
    "arguments", [("bild",), ("build",), ("build", "run.toml"), ("build", "run.toml", "--oot", "x")]
)
def test_usage_errors(run: Run, arguments: tuple[str, ...]) -> None:
    code, _, err = run(*arguments)
    assert code == 2
    assert "Traceback" not in err


@pytest.mark.parametrize("option", ["--out", "--data"])
def test_an_empty_path_is_refused(run: Run, folder: Path, option: str) -> None:
    before = snapshot(folder)
    code, _, err = run("train", "run.toml", "--out", "out", option, "")
    assert code == 2 and f"Invalid value for '{option}': must not be empty" in err
    assert snapshot(folder) == before


def test_the_case_of_a_device_does_not_matter(run: Run) -> None:
    _, lower, _ = run("estimate", "run.toml", "--device", "xc7s6")
    code, upper, _ = run("estimate", "run.toml", "--device", "XC7S6")
    assert code == 0 and upper == lower


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        (("run.toml", "--set", "model.chanels=8"), "model.chanels"),
        (("run.toml", "--set", "quantization.bits=9"), "quantization.bits"),
        (("run.toml", "--set", "train.epochs=2", "quantization.bits=9"), "quantization.bits"),
        (("run.toml", "--set", "model.heads=5"), "heads"),
        (("run.toml", "--set", 'data.inputs=["a", "c"]'), "'c'"),
        (("run.toml", "--set", "data.window=100", "model.channels=4"), "windows"),
        (("run.toml", "--data", "absent.csv"), "absent.csv: no such file"),
        (("absent.toml",), "absent.toml"),
    ],
)
def test_bad_input(run: Run, folder: Path, arguments: tuple[str, ...], said: str) -> None:
    before = snapshot(folder)
    assert said in complaint(run("train", *arguments, "--out", "out"))
    assert snapshot(folder) == before


@pytest.mark.parametrize(
    ("change", "said"),
    [
        (lambda lines: [*lines[:9], lines[9].replace(",", ",x", 1), *lines[10:]], "not a number"),
        (lambda lines: [*lines[:9], lines[8], *lines[9:]], "second time"),
        (lambda lines: [lines[0], *(line[:-1] + "4" for line in lines[1:])], "constant"),
        (lambda lines: [*lines[:9], lines[9][:-1] + "inf", *lines[10:]], "infinite"),
        (lambda lines: lines[:1], "no readings"),
    ],
)
def test_bad_data_keeps_outputs(
    run: Run, folder: Path, change: Callable[[list[str]], list[str]], said: str
) -> None:
    assert run("train", "run.toml", "--out", "out")[0] == 0
    write_table(folder / "readings.csv", change)
    before = snapshot(folder)
    assert said in complaint(run("train", "run.toml", "--out", "out"))
    assert snapshot(folder) == before


def test_unknown_device_is_found_before_training(run: Run, folder: Path) -> None:
    result = run("build", "run.toml", "--out", "out", "--set", "hardware.device=xc7s999")
    assert "xc7s999" in complaint(result)
    small = ("hardware.device=up5k", "model.channels=4", "quantization.bits=4")
    result = run("build", "run.toml", "--out", "out", "--synth", "vivado", "--set", *small)
    assert "Vivado does not know up5k" in complaint(result)
    assert not (folder / "out").exists()


@pytest.mark.parametrize(
    ("command", "first"),
    [
        ("quantize", "train"),
        ("compile", "quantize"),
        ("verify", "quantize"),
        ("synth", "quantize"),
        ("report", "train"),
    ],
)
def test_command_without_its_predecessor(run: Run, command: str, first: str) -> None:
    said = complaint(run(command, "run.toml", "--out", "out"))
    assert f"run 'narrowcast {first}' first" in said


def test_a_report_on_other_data_is_refused(run: Run, folder: Path) -> None:
    assert run("train", "run.toml", "--out", "out")[0] == 0
    other = folder / "other.csv"
    other.write_text((folder / "readings.csv").read_text().replace(",3,", ",2,"))
    before = snapshot(folder)
    said = complaint(run("report", "run.toml", "--out", "out", "--data", "other.csv"))
    assert "the data has changed since 'train' ran: run 'narrowcast train' again" in said
    assert snapshot(folder) == before


def test_output_folder_that_cannot_be_written(run: Run) -> None:
    assert "cannot be written" in complaint(run("train", "run.toml", "--out", "readings.csv"))
    assert "cannot be written" in complaint(run("train", "run.toml", "--out", "/proc/out"))


def replace_stage(monkeypatch: pytest.MonkeyPatch, name: str, function: Callable[..., Any]) -> None:
    """Let a stage run something else."""
    original = commands.plan

    def plan(*arguments: Any) -> Plan:
        planned = original(*arguments)
        stage = replace(getattr(planned, name), run=function)
        return replace(planned, **{name: stage})

    monkeypatch.setattr(commands, "plan", plan)


def test_a_second_run_in_a_folder(run: Run, folder: Path) -> None:
    with locked(folder / "out"):
        code, _, err = run("train", "run.toml", "--out", "out")
        assert code == 2 and err.count("\n") == 1
        assert err.startswith("narrowcast: error: out: another run of narrowcast is at work there")
    assert not (folder / "out").exists()


def test_interruption(run: Run, folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    assert run("train", "run.toml", "--out", "out")[0] == 0
    before = snapshot(folder)

    def interrupted(work: Path, _: Progress) -> Any:
        (work / "accuracy.json").write_text("half")
        raise KeyboardInterrupt

    replace_stage(monkeypatch, "quantize", interrupted)
    code, _, err = run("quantize", "run.toml", "--out", "out")
    assert code == 130
    assert err.count("\n") == 1 and "the same command continues" in err
    assert snapshot(folder) == before

    code, _, err = run("train", "run.toml", "--out", "out")
    assert code == 0
    assert "up to date" in err


def test_an_error_while_an_interruption_is_handled(
    run: Run, monkeypatch: pytest.MonkeyPatch
) -> None:
    def interrupted(*_: object) -> Any:
        try:
            raise KeyboardInterrupt(signal.SIGTERM)
        except KeyboardInterrupt:
            raise FileNotFoundError(2, os.strerror(2), "lock") from None

    replace_stage(monkeypatch, "train", interrupted)
    code, _, err = run("train", "run.toml", "--out", "out")
    assert code == 128 + signal.SIGTERM
    assert err.startswith("narrowcast: interrupted")


def test_words_of_a_tool_follow_the_line(run: Run, monkeypatch: pytest.MonkeyPatch) -> None:
    def fails(*_: object) -> Any:
        raise ToolError("ghdl failed\nengine.vhd:3:1: error: no declaration")

    replace_stage(monkeypatch, "train", fails)
    code, _, err = run("train", "run.toml", "--out", "out")
    assert code == 2
    assert err == "narrowcast: error: ghdl failed\nengine.vhd:3:1: error: no declaration\n"


def test_full_disk(run: Run, folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def full(*_: object) -> Any:
        raise OSError(28, os.strerror(28), "big.bin")

    replace_stage(monkeypatch, "train", full)
    said = complaint(run("train", "run.toml", "--out", "out"))
    assert said == "narrowcast: error: big.bin: No space left on device"
    assert not list((folder / "out").glob("*.*safetensors"))


def test_train_and_quantize(run: Run, folder: Path) -> None:
    out = ("run.toml", "--out", "out", "--set", "model.channels=8")
    assert run("train", *out)[0] == 0
    assert run("quantize", *out)[0] == 0
    code, stdout, err = run("quantize", *out)
    assert (code, stdout) == (0, "")
    assert "up to date" in err

    said = complaint(run("quantize", "run.toml", "--out", "out", "--set", "model.channels=16"))
    assert "'train' ran with model.channels = 8, but it is now 16" in said

    path = folder / "out" / "integer_model.json"
    path.write_bytes(path.read_bytes()[:100])
    before = snapshot(folder)
    assert "integer_model.json" in complaint(run("compile", *out))
    assert snapshot(folder) == before


def test_quiet_and_verbose(run: Run) -> None:
    train = "train", "run.toml", "--out"
    code, out, err = run("--quiet", *train, "a")
    assert (code, out, err) == (0, "", "")
    code, out, err = run(*train, "b", "--quiet", "--set", "train.patience=2", "model.channels=8")
    assert (code, out, err) == (0, "", "")
    code, out, err = run(*train, "c", "--verbose")
    assert (code, out) == (0, "")
    lines = [line.split(" ", 2)[2] for line in err.splitlines()]
    assert lines[0] == "INFO narrowcast.train: started"
    assert "DEBUG narrowcast.train: 1 of 1 epochs, validation error " in err
    assert lines[-1].startswith("INFO narrowcast.train: done in ")
    code, _, err = run(*train, "c", "--verbose", "--quiet")
    assert code == 2 and "exclude each other" in err
    _, _, err = run(*train, "c")
    assert err == "train:    up to date\n"


def test_completion_can_be_installed(run: Run) -> None:
    assert "--install-completion" in run("--help")[1]
