"""Serial ports that cannot be opened, or that fail later."""

import errno
import os
import pty
import sys

import pytest
import serial

from narrowcast.errors import UserError
from narrowcast.host import SerialPort


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
