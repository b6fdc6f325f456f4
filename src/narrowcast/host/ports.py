"""Ports: what carries bytes to a board and back."""

import errno
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import Protocol

from narrowcast.errors import UserError, one_line, shown
from narrowcast.extras import require_extra

BAUD = 115200
SIMULATED = "sim:"  # before the output folder of a build, in place of a port


class Port(Protocol):
    """Carries bytes to a board and back.

    Attributes:
        name: What a message calls it.
        seconds: How long a host waits for the first byte of an answer, and for each further one.
    """

    name: str
    seconds: float

    def write(self, content: bytes) -> None:
        """Send bytes.

        Raises:
            UserError: The port is gone.
        """

    def read(self, count: int) -> bytes:
        """Return ``count`` bytes; fewer if for ``seconds`` none comes.

        Raises:
            UserError: The port is gone.
        """

    def clear(self) -> None:
        """Drop what has come and was not read."""

    def close(self) -> None:
        """Close the port."""


class SerialPort:
    """A serial port, opened by pyserial.

    Args:
        name: Its path, such as /dev/ttyUSB1.
        seconds: As in :class:`Port`; more than the latency of the engine.

    Raises:
        UserError: pyserial is not installed, or the port does not exist, is in use, or may not be
            used.
    """

    def __init__(self, name: str, seconds: float = 0.5) -> None:
        require_extra("host", "a serial port")
        import serial  # noqa: PLC0415 (an extra)

        self.name = name
        self.seconds = seconds
        try:
            self._serial = serial.Serial(
                name, BAUD, timeout=seconds, write_timeout=60, exclusive=True
            )
        except (OSError, ValueError) as error:
            raise UserError(_refusal(name, error)) from None

    def write(self, content: bytes) -> None:
        """Send bytes, and wait until they are on their way."""
        with _connected(self.name):
            self._serial.write(content)
            self._serial.flush()

    def read(self, count: int) -> bytes:
        """Return bytes, as :meth:`Port.read` does."""
        content = b""
        with _connected(self.name):
            while len(content) < count:
                # Its time limit is that of a whole read, so bytes are taken as they come.
                first = self._serial.read(1)
                if not first:
                    break
                content += first + self._serial.read(
                    min(self._serial.in_waiting, count - len(content) - 1)
                )
        return content

    def clear(self) -> None:
        """Drop what has come."""
        with _connected(self.name):
            self._serial.reset_input_buffer()

    def close(self) -> None:
        """Close the port."""
        with suppress(OSError):
            self._serial.close()


@contextmanager
def _connected(name: str) -> Iterator[None]:
    """Say of a port that fails that it is gone.

    Raises:
        UserError: Anything was raised that is no interruption.
    """
    try:
        yield
    except Exception as error:  # pyserial lets those of termios through
        raise UserError(
            f"{name}: the port is gone, or fails ({one_line(error)}): is the board connected?"
        ) from None


def _refusal(name: str, error: OSError | ValueError) -> str:
    number = getattr(error, "errno", None)
    place = shown(name)
    if number == errno.ENOENT:
        return f"{place}: there is no such port: is the board connected?"
    if number in (errno.EACCES, errno.EPERM):
        return f"{place}: no permission to use it: join the group that owns it, often 'dialout'"
    if number in (errno.EBUSY, errno.EAGAIN) or "exclusive" in str(error):
        return f"{place}: is in use by another program"
    if number in (errno.ENOTTY, errno.EINVAL, errno.EISDIR) or number is None:
        return f"{place}: is no serial port ({one_line(error)})"
    return f"{place}: cannot be opened: {one_line(error)}"


def open_port(name: str) -> Port:
    """Open a serial port, or start a simulated board.

    Args:
        name: Path of a serial port, or ``sim:`` and the output folder of a build.

    Raises:
        UserError: It cannot be opened.
        ToolError: The simulation cannot be made.
    """
    if not name.startswith(SIMULATED):
        return SerialPort(name)
    # What a simulation needs, a serial port does not.
    from narrowcast.compile.summary import CompileResults  # noqa: PLC0415
    from narrowcast.pipeline.outputs import PROGRAM, RTL  # noqa: PLC0415
    from narrowcast.records import read_record  # noqa: PLC0415
    from narrowcast.tools.simulated_board import SimulatedBoard  # noqa: PLC0415

    out = Path(name.removeprefix(SIMULATED))
    if not (out / PROGRAM).is_file():
        raise UserError(f"{out / PROGRAM}: no such file: {name} needs 'narrowcast compile'")
    return SimulatedBoard(out / RTL, read_record(out / PROGRAM, CompileResults).cycles, name)
