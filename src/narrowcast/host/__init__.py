"""The host's side of a board's interface: forecasts from a board, or from a simulated one."""

from narrowcast.host.link import Answer, Link
from narrowcast.host.ports import Port, SerialPort, SpiPort, open_port

__all__ = ["Answer", "Link", "Port", "SerialPort", "SpiPort", "open_port"]
