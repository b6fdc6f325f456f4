"""The command ``run``: a simulated board gives the forecasts of ``predict``."""

import os
import pty
import shutil
import socket
import subprocess
import sys
import time
import tty
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
from test_predict import table, trained
from test_predict_command import complaint

from c_driver import driver_command, results
from commands import Run
from narrowcast.compile import HardwareOptions, compile_model
from narrowcast.compile.summary import summarise
from narrowcast.config import InterfaceName
from narrowcast.estimate import area
from narrowcast.host import Link, open_port
from narrowcast.integer import IntegerModel, execute_words, load_model, model_sha256
from narrowcast.integer.loaded_weights import LoadedWeights
from narrowcast.pipeline.outputs import PROGRAM, RTL
from narrowcast.records import write_record
from narrowcast.targets.device import load_device
from narrowcast.tools.interface import INTERFACES
from narrowcast.tools.simulated_board import board_command
from words import random_words, stream_words


def compiled(
    out: Path, *, access: bool = False, interface: InterfaceName = "uart", loaded: bool = False
) -> None:
    """Compile a model into its folder."""
    options = HardwareOptions(lanes=4, state_access=access)
    device = load_device("xc7s15")
    if loaded:
        options, device = HardwareOptions(storage={"weights": "spram"}), load_device("up5k")
    design = compile_model(load_model(out), device, area, options)
    design.write_rtl(out / RTL, model_sha256(out))
    write_record(out / PROGRAM, summarise(design, interface))


@pytest.fixture(scope="session")
def stream(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The output folder of a stream, with state access."""
    settings = ("model.kind=stream", 'data.known=["k"]', "data.outputs=2")
    out = trained(tmp_path_factory.mktemp("stream"), *settings)
    compiled(out, access=True)
    return out


@pytest.fixture(scope="session")
def on_spi(stream: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The same for a board on SPI."""
    out = tmp_path_factory.mktemp("spi") / "out"
    shutil.copytree(stream, out)
    compiled(out, access=True, interface="spi")
    return out


@pytest.fixture(scope="session")
def in_spram(model: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A model whose weights the host loads."""
    out = tmp_path_factory.mktemp("spram") / "out"
    shutil.copytree(model, out)
    compiled(out, loaded=True)
    return out


@pytest.mark.parametrize("kind", ["model", "stream", "on_spi", "in_spram"])
def test_forecasts_are_those_of_predict(
    run: Run, kind: str, request: pytest.FixtureRequest
) -> None:
    out = request.getfixturevalue(kind)
    if kind == "model":
        compiled(out)
    table().iloc[60:140].to_csv("new.csv")  # with a gap and missing readings
    _, expected, told = run("predict", str(out), "--data", "new.csv")
    port = f"sim:{out}"
    code, printed, err = run("run", str(out), "--port", port, "--data", "new.csv")
    assert (code, printed) == (0, expected), err
    assert err == told.replace("predict: ", "run:     ")
    to = "found.parquet"
    code, printed, _ = run("run", str(out), "--port", port, "--data", "new.csv", "--to", to)
    assert (code, printed) == (0, "")
    assert len(pd.read_parquet(to)) == expected.count("\n") - 1


def test_weights_of_another_training(run: Run, in_spram: Path, tmp_path: Path) -> None:
    """A model that was trained again, but not compiled, is not run with the weights before."""
    out = tmp_path / "out"
    shutil.copytree(in_spram, out)
    weights = LoadedWeights.read(out / RTL)
    assert weights is not None
    weights.write(out / RTL, "cd" * 32)
    table().iloc[60:100].to_csv("new.csv")
    code, printed, err = run("run", str(out), "--port", f"sim:{in_spram}", "--data", "new.csv")
    assert (code, printed) == (2, "")
    assert "weights.bin: has the weights of another model than its output folder: run 'na" in err


def test_a_serial_port(stream: Path) -> None:
    """pyserial opens a pseudo-terminal, at whose other end the board is."""
    model = load_model(stream)
    words, _ = random_words(model, 6)
    master, slave = pty.openpty()
    tty.setraw(slave)
    command = board_command(stream / RTL, 3000)
    with subprocess.Popen(command, stdin=master, stdout=master) as board:
        os.close(master)
        port = open_port(os.ttyname(slave))
        port.seconds = 30.0
        with Link.open(port, stream) as link:
            os.close(slave)
            assert link.identity.state_access
            answers = [link.send(each).words for each in words]
            assert np.array_equal(answers, restarted(model, words))
            link.send(words[0], restart=True)
            link.restore(link.rows)
            found = link.send(words[1]).words
            assert np.array_equal(found, restarted(model, words)[1])
        assert board.wait(20) == 0  # the end of the line


@pytest.mark.parametrize("interface", INTERFACES)
def test_the_driver_in_c(stream: Path, interface: InterfaceName, tmp_path: Path) -> None:
    model = load_model(stream)
    words, restart, expected = stream_words(model, 20)
    asked = np.where(restart, 1, 2 * (np.arange(20) == 11))  # 2: the state is put back
    command = driver_command(
        *(tmp_path, model, model_sha256(stream), words, asked, 30_000),
        access=True,
        interface=interface,
    )
    simulation = board_command(stream / RTL, 3000, interface)
    here, there = socket.socketpair()
    with (
        subprocess.Popen(simulation, stdin=there, stdout=there) as board,
        subprocess.Popen(command, stdin=here, stdout=here, stderr=subprocess.PIPE) as program,
    ):
        here.close()
        there.close()
        assert program.stderr is not None
        found = results(program.stderr.read())
        assert (program.wait(20), board.wait(20)) == (0, 0)
    assert found == [[0], *([0, *each] for each in expected.tolist())]


def restarted(model: IntegerModel, words: np.ndarray) -> np.ndarray:
    return execute_words(model, words, np.arange(len(words)) == 0)


def test_a_simulated_board_ends_with_its_host(stream: Path) -> None:
    code = (
        "import time; from narrowcast.host import open_port; "
        f"port = open_port('sim:{stream}'); print(port._process.pid, flush=True); time.sleep(60)"
    )
    with subprocess.Popen([sys.executable, "-c", code], stdout=subprocess.PIPE) as host:
        assert host.stdout is not None
        board = int(host.stdout.readline())
        host.kill()
    ends = time.monotonic() + 20
    while time.monotonic() < ends and running(board):
        time.sleep(0.05)
    assert not running(board)


def running(process: int) -> bool:
    try:
        return Path(f"/proc/{process}/stat").read_text().split()[2] != "Z"
    except OSError:
        return False


def test_a_frame_that_breaks_off(stream: Path) -> None:
    """The board drops it; the link asks again."""
    port = open_port(f"sim:{stream}")
    port.write(bytes([0xA5, 1]))
    port.seconds = 3.0
    with Link.open(port, stream) as link:
        assert link.identity.states


def test_bad_ports(run: Run, model: Path, stream: Path, tmp_path: Path) -> None:
    table().to_csv("new.csv")
    (tmp_path / "file").write_text("")
    (tmp_path / "empty").mkdir()
    given = ("run", str(model), "--data", "new.csv", "--port")
    for port, said in (
        ("/dev/ttyNONE7", "there is no such port: is the board connected?"),
        (str(tmp_path / "file"), "is no serial port"),
        ("sim:empty", "no such file: sim:empty needs 'narrowcast compile'"),
        (f"sim:{stream}", "the board holds another model"),
    ):
        assert said in complaint(run(*given, port))
    master, slave = pty.openpty()
    held = open_port(os.ttyname(slave))
    assert "is in use by another program" in complaint(run(*given, os.ttyname(slave)))
    held.close()
    os.close(master)
    os.close(slave)
