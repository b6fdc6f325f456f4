"""The interfaces by which a host speaks to a design on a board, each with its own top entity."""

from collections.abc import Mapping
from dataclasses import dataclass
from types import MappingProxyType

from narrowcast.config import InterfaceName

BAUD = 115200  # baud rate of the serial line


@dataclass(frozen=True)
class Interface:
    """An interface: the engine behind ``byte_link``, and what carries its bytes.

    Attributes:
        top: Top entity of a design with this interface.
        sources: Names of the sources around the engine, in the order of analysis.
        harness: Source of the program that simulates a board, in ``rtl/testbench``.
        least_clocks: Least clock cycles of the design for each bit on the line.
        counts_bits: Whether the design tells bits apart by counting clock cycles; otherwise the
            host gives it a clock.
    """

    top: str
    sources: tuple[str, ...]
    harness: str
    least_clocks: int
    counts_bits: bool

    def clocks_per_bit(self, clock_mhz: float) -> int:
        """Return the clock cycles of a design for each bit from a host, at a board's clock."""
        return round(clock_mhz * 1e6 / BAUD) if self.counts_bits else self.least_clocks

    def generics(self, clocks_per_bit: int) -> dict[str, int]:
        """Return the generics of the top entity that depend on the rate of bits."""
        return {"CLOCKS_PER_BIT": clocks_per_bit} if self.counts_bits else {}


_LINK = ("model_identity.vhd", "byte_link.vhd")
INTERFACES: Mapping[InterfaceName, Interface] = MappingProxyType(
    {
        "uart": Interface(
            top="serial_top",
            sources=(*_LINK, "uart_receiver.vhd", "uart_transmitter.vhd", "serial_top.vhd"),
            harness="serial_main.cpp",
            least_clocks=4,
            counts_bits=True,
        ),
        "spi": Interface(
            top="spi_top",
            sources=(*_LINK, "spi_slave.vhd", "spi_top.vhd"),
            harness="spi_main.cpp",
            least_clocks=8,
            counts_bits=False,
        ),
    }
)
