"""The host's side of the serial line: forecasts from a board, or from a simulated one."""

from narrowcast.host.link import Answer, Link
from narrowcast.host.ports import Port, SerialPort, open_port

__all__ = ["Answer", "Link", "Port", "SerialPort", "open_port"]
