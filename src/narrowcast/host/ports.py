"""Ports: what carries bytes to a board and back."""

import errno
import re
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import Protocol

from narrowcast.config import InterfaceName
from narrowcast.errors import UserError, one_line, shown
from narrowcast.extras import require_extra
from narrowcast.outputs import PROGRAM, RTL

BAUD = 115200
SPI_HZ = 1_000_000  # slow enough for a board with a clock of 12 MHz
SIMULATED = "sim:"  # before the output folder of a build, in place of a port
SPI = "spi:"  # before the numbers of a bus and a device

_WRITE, _READ = b"\2", b"\3"  # the first byte of a transaction
_MOST = 1024  # bytes of a transaction; spidev takes 4096
_MOST_DROPPED = 256  # transactions
_POLL_SECONDS = 0.001


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
            raise UserError(_refusal(name, error, "is the board connected?", "dialout")) from None

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


class SpiPort:
    """A board on SPI, as ``docs/boards.md`` states its transactions.

    Args:
        exchange: Makes one transaction in mode 0: sends some bytes while the board is selected, and
            returns as many that it has received meanwhile.
        name: What a message calls the port.
        seconds: As in :class:`Port`; more than the latency of the engine.
        close: Called to close the port.
    """

    def __init__(
        self,
        exchange: Callable[[bytes], bytes],
        name: str = "spi",
        seconds: float = 0.5,
        close: Callable[[], object] = lambda: None,
    ) -> None:
        self.name = name
        self.seconds = seconds
        self._exchange = exchange
        self._close = close

    def write(self, content: bytes) -> None:
        """Send bytes."""
        with _connected(self.name):
            for i in range(0, len(content), _MOST):
                self._exchange(_WRITE + content[i : i + _MOST])

    def read(self, count: int) -> bytes:
        """Return bytes, as :meth:`Port.read` does."""
        content = b""
        ends = time.monotonic() + self.seconds
        while len(content) < count:
            found = self._waiting(count - len(content) if content else 1)
            content += found
            if found:
                ends = time.monotonic() + self.seconds
            elif time.monotonic() > ends:
                break
            else:
                time.sleep(_POLL_SECONDS)
        return content

    def clear(self) -> None:
        """Drop what waits. What never ends comes from no board."""
        for attempt in range(_MOST_DROPPED):
            if not self._waiting(_MOST if attempt else 1):
                return

    def close(self) -> None:
        """Close the port."""
        with suppress(OSError):
            self._close()

    def _waiting(self, most: int) -> bytes:
        """Return the bytes of an answer that wait already, up to ``most``."""
        with _connected(self.name):
            heard = self._exchange(_READ + bytes(min(2 * most, _MOST) - 1))
        content, flag = b"", True  # the next byte is a flag
        for each in heard:
            if not flag:
                content += bytes([each])
                flag = True
            elif each == 1:
                flag = False
            elif each:
                break  # no board drives the line
        return content


def _open_spidev(name: str) -> SpiPort:
    """Open a device of Linux' spidev.

    Raises:
        UserError: The package is not installed, or the device does not exist or may not be used.
    """
    found = re.fullmatch(r"(\d{1,4})\.(\d{1,4})", name.removeprefix(SPI))
    if found is None:
        raise UserError(f"{shown(name)}: must be {SPI}BUS.DEVICE, such as {SPI}0.0")
    require_extra("spi", "a port on SPI")
    import spidev  # noqa: PLC0415 (an extra)

    device = spidev.SpiDev()
    try:
        device.open(int(found[1]), int(found[2]))
        device.max_speed_hz = SPI_HZ
        device.mode = 0
    except OSError as error:
        raise UserError(_refusal(name, error, "is SPI enabled?", "spi")) from None
    return SpiPort(lambda content: bytes(device.xfer2(list(content))), name, close=device.close)


@contextmanager
def _connected(name: str) -> Iterator[None]:
    """Say of a port that fails that it is gone.

    Raises:
        UserError: Anything was raised that is no interruption.
    """
    try:
        yield
    except UserError:
        raise
    except Exception as error:  # pyserial lets those of termios through
        raise UserError(
            f"{name}: the port is gone, or fails ({one_line(error)}): is the board connected?"
        ) from None


def _refusal(name: str, error: OSError | ValueError, hint: str, group: str) -> str:
    """Return why a port cannot be opened, with a hint if there is none, and the usual group."""
    number = getattr(error, "errno", None)
    place = shown(name)
    if number == errno.ENOENT:
        return f"{place}: there is no such port: {hint}"
    if number in (errno.EACCES, errno.EPERM):
        return f"{place}: no permission to use it: join the group that owns it, often {group!r}"
    if number in (errno.EBUSY, errno.EAGAIN) or "exclusive" in str(error):
        return f"{place}: is in use by another program"
    if number in (errno.ENOTTY, errno.EINVAL, errno.EISDIR) or number is None:
        return f"{place}: is no serial port ({one_line(error)})"
    return f"{place}: cannot be opened: {one_line(error)}"


def open_port(name: str) -> Port:
    """Open a serial port or a device on SPI, or start a simulated board.

    Args:
        name: Path of a serial port; ``spi:BUS.DEVICE``; or ``sim:`` and the output folder of a
            build.

    Raises:
        UserError: It cannot be opened.
        ToolError: The simulation cannot be made.
    """
    if name.startswith(SPI):
        return _open_spidev(name)
    if not name.startswith(SIMULATED):
        return SerialPort(name)
    # What a simulation needs, a serial port does not.
    from narrowcast.compile.summary import CompileResults  # noqa: PLC0415
    from narrowcast.records import read_record  # noqa: PLC0415
    from narrowcast.tools.simulated_board import board_command  # noqa: PLC0415

    if name == SIMULATED:
        raise UserError(f"{shown(name)}: must be {SIMULATED}OUT, such as {SIMULATED}out/mine")
    out = Path(name.removeprefix(SIMULATED))
    if not (out / PROGRAM).is_file():
        raise UserError(f"{out / PROGRAM}: no such file: {name} needs 'narrowcast compile'")
    program = read_record(out / PROGRAM, CompileResults)
    command = board_command(out / RTL, program.cycles, program.interface)
    return simulated_port(command, name, program.interface)


def simulated_port(command: Sequence[str], name: str, interface: InterfaceName) -> Port:
    """Start a simulated board.

    Args:
        command: The command that simulates it.
        name: What messages call the port.
        interface: How a host speaks to the board.
    """
    from narrowcast.tools.simulated_board import SimulatedBoard  # noqa: PLC0415

    board = SimulatedBoard(command, name)
    if interface == "uart":
        return board
    return SpiPort(board.exchange, name, board.seconds, board.close)
