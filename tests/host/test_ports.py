"""Serial ports that cannot be opened, or that fail later; and ports on SPI."""

import errno
import os
import pty
import sys
from types import SimpleNamespace
from typing import Any

import numpy as np
import pytest
import serial

from board import SHA256, Board
from narrowcast.errors import UserError
from narrowcast.host import Link, SerialPort, SpiPort, open_port
from narrowcast.integer import execute_words
from narrowcast.integer.builder import Shape
from narrowcast.integer.random_model import random_model
from spi_slave import READ, SpiBoard
from words import random_words, stream_words

WINDOW = random_model(Shape(3, 2, 4, outputs=2), (4, 8), 3)
STREAM = random_model(Shape(3, 2, 4, heads=2, kind="stream"), (4, 8), 3)


def test_without_pyserial(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "serial", None)
    with pytest.raises(UserError, match=r"a serial port needs pyserial: pip install 'narrowcast\["):
        SerialPort("/dev/ttyUSB1")


@pytest.mark.parametrize(
    ("number", "said"),
    [
        (errno.ENOENT, "there is no such port"),
        (errno.EACCES, "no permission to use it: join the group that owns it, often 'dialout'"),
        (errno.EBUSY, "is in use by another program"),
        (errno.ENXIO, "cannot be opened: "),
    ],
)
def test_what_cannot_be_opened(monkeypatch: pytest.MonkeyPatch, number: int, said: str) -> None:
    def refuse(*_: object, **__: object) -> None:
        raise serial.SerialException(number, f"could not open port: {os.strerror(number)}")

    monkeypatch.setattr(serial, "Serial", refuse)
    with pytest.raises(UserError) as caught:
        SerialPort("/dev/ttyUSB1")
    assert str(caught.value).startswith(f"'/dev/ttyUSB1': {said}")


def test_a_port_that_is_unplugged() -> None:
    master, slave = pty.openpty()
    port = SerialPort(os.ttyname(slave), seconds=0.1)
    os.write(master, b"abc")
    assert (port.read(2), port.read(2)) == (b"ab", b"c")
    os.write(master, b"abc")
    port.clear()
    assert port.read(1) == b""
    os.close(master)
    with pytest.raises(UserError, match="the port is gone, or fails"):
        port.write(b"a" * 10)
        port.read(1)
    port.close()
    os.close(slave)


def test_a_board_on_spi() -> None:
    words, expected = random_words(WINDOW, 6)
    board = Board(WINDOW, lost=[1, 2], garbled=[5])
    with Link(SpiPort(SpiBoard(board).exchange, seconds=0.05), WINDOW, SHA256) as link:
        found = [link.send(each).words for each in words]
    assert np.array_equal(found, expected)
    assert board.begun == [0xAA, *[0xA5] * 9]


def test_a_stream_on_spi() -> None:
    words, restart, _ = stream_words(STREAM, 12)
    restart[0] = True
    board = Board(STREAM, access=True, lost=[0, 5], garbled=[8])
    link = Link(SpiPort(SpiBoard(board).exchange, seconds=0.05), STREAM, SHA256)
    found = [
        link.send(each, restart=flag).words
        for each, flag in zip(words, restart.tolist(), strict=True)
    ]
    assert np.array_equal(found, execute_words(STREAM, words, restart))


def test_long_frames_and_answers_take_several_transactions() -> None:
    board = SpiBoard(Board(WINDOW))
    sizes: list[int] = []

    def exchange(content: bytes) -> bytes:
        sizes.append(len(content))
        if content[0] == READ:
            return board.exchange(content)
        board.slave.select()
        for byte in content:
            board.slave.take(byte)
        return bytes(len(content))

    content = bytes(range(256)) * 10
    port = SpiPort(exchange)
    port.write(content)
    assert bytes(map(int, board.slave.taken)) == content
    board.slave.taken.clear()
    board.slave.waiting.extend(content)
    assert port.read(2000) + port.read(560) == content and not board.slave.waiting
    board.slave.waiting.extend(content)
    port.clear()
    assert not board.slave.waiting
    port.seconds = 0.0
    assert port.read(1) == b"" and max(sizes) <= 1025


@pytest.mark.parametrize("level", [0x00, 0x01, 0xFF])
def test_a_line_without_a_board(level: int) -> None:
    port = SpiPort(lambda content: bytes([level]) * len(content), "spi:0.0", seconds=0.0)
    with pytest.raises(UserError, match=r"^spi:0.0: (the board does not answer|what answers is)"):
        Link(port, WINDOW, SHA256)


def test_a_master_that_fails() -> None:
    def exchange(_: bytes) -> bytes:
        raise OSError(errno.EIO, "Input/output error")

    with pytest.raises(UserError, match=r"^spi: the port is gone, or fails \(.*Input/output error"):
        Link(SpiPort(exchange), WINDOW, SHA256)


def use_spidev(monkeypatch: pytest.MonkeyPatch, **parts: Any) -> SimpleNamespace:
    """Put an object in the place of each that spidev makes."""
    device = SimpleNamespace(opened=None, closed=False, **parts)
    module = SimpleNamespace(SpiDev=lambda: device, __spec__=SimpleNamespace())
    monkeypatch.setitem(sys.modules, "spidev", module)
    return device


def test_spidev(monkeypatch: pytest.MonkeyPatch) -> None:
    board = SpiBoard(Board(WINDOW))
    device = use_spidev(
        monkeypatch,
        open=lambda *numbers: setattr(device, "opened", numbers),
        xfer2=lambda content: list(board.exchange(bytes(content))),
        close=lambda: setattr(device, "closed", True),
    )
    with Link(open_port("spi:1.12"), WINDOW, SHA256) as link:
        words, expected = random_words(WINDOW, 2)
        assert np.array_equal([link.send(each).words for each in words], expected)
    assert (device.opened, device.mode, device.max_speed_hz) == ((1, 12), 0, 1_000_000)
    assert device.closed


@pytest.mark.parametrize(
    ("number", "said"),
    [
        (errno.ENOENT, "there is no such port: is SPI enabled?"),
        (errno.EACCES, "no permission to use it: join the group that owns it, often 'spi'"),
    ],
)
def test_what_spidev_cannot_open(monkeypatch: pytest.MonkeyPatch, number: int, said: str) -> None:
    def refuse(*_: int) -> None:
        raise OSError(number, os.strerror(number))

    use_spidev(monkeypatch, open=refuse)
    with pytest.raises(UserError) as caught:
        open_port("spi:0.1")
    assert str(caught.value) == f"'spi:0.1': {said}"


@pytest.mark.parametrize("name", ["spi:", "spi:0", "spi:0.0.0", "spi:a.b", "spi:/dev/spidev0.0"])
def test_names_of_no_device_on_spi(name: str) -> None:
    with pytest.raises(UserError) as caught:
        open_port(name)
    assert str(caught.value) == f"'{name}': must be spi:BUS.DEVICE, such as spi:0.0"


def test_a_simulated_board_without_a_folder() -> None:
    with pytest.raises(UserError, match=r"^'sim:': must be sim:OUT, such as sim:out/mine$"):
        open_port("sim:")


def test_without_spidev(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "spidev", None)
    with pytest.raises(UserError, match=r"^a port on SPI needs spidev: pip install 'narrowcast\["):
        open_port("spi:0.0")
