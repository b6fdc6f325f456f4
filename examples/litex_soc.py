"""A core of ``narrowcast export core`` in a LiteX system-on-chip.

    python examples/litex_soc.py pump_core --to soc

writes a small SoC around the core in the folder ``pump_core``: ``soc/soc.v``, and the addresses of
its registers as ``soc/csr.json`` and ``soc/csr.h``. The SoC has no processor: its Wishbone bus has
pins, by which ``litex_bench.py`` drives it in simulation.

``NarrowcastCore`` is the part for a SoC of one's own, where a processor has the bus, or one of
LiteX's bridges from a serial port, PCIe or Ethernet.
"""

import argparse
import json
from pathlib import Path
from typing import Any

from litex.build.generic_platform import GenericPlatform, Pins
from litex.build.io import CRG
from litex.gen import LiteXModule
from litex.soc.integration.export import get_csr_header, get_csr_json
from litex.soc.integration.soc_core import SoCMini
from litex.soc.interconnect import stream, wishbone
from litex.soc.interconnect.csr import CSRStatus, CSRStorage
from litex.soc.interconnect.csr_eventmanager import EventManager, EventSourceLevel, EventSourcePulse
from migen import Cat, ClockSignal, Instance, Mux, ResetInserter, ResetSignal, Signal

CLOCK = 50e6


class NarrowcastCore(LiteXModule):
    """The core between two FIFOs, with registers for software.

    A window, or a reading of a stream, is a packet of words. Software writes its words to ``word``,
    and the last one to ``last_word``. When ``ev_pending`` has ``answer``, it reads the words of the
    answer from ``answer``, one with each read.

    Each FIFO holds a packet: while one answer waits to be read and the core computes the next, the
    words of a third packet can be written. A core that cannot go on stops the streams, not the bus,
    so software looks at ``room`` before it writes.

    ``ev_pending`` has three events, each of which can raise the interrupt ``ev.irq``:

    - ``answer``: all words of an answer can be read. It ends when they have been read.
    - ``packet_error``: a packet had a wrong length, and has no answer.
    - ``overflow``: a word was written without room, and is lost.

    Writing a 1 to its bit in ``ev_pending`` clears ``packet_error`` or ``overflow``.

    Args:
        platform: The platform, which gets the core's Verilog.
        core: The folder that ``narrowcast export core`` wrote.
    """

    def __init__(self, platform: GenericPlatform, core: Path) -> None:
        vectors = json.loads((core / "vectors" / "vectors.json").read_text())
        input_words, input_bits = _packet(vectors["inputs.hex"])
        output_words, output_bits = _packet(vectors["expected.hex"])
        (verilog,) = (core / "verilog").glob("*.v")
        platform.add_source(str(verilog))

        self.word = CSRStorage(32, description="Write a word of a packet.")
        self.last_word = CSRStorage(32, description="Write the last word of a packet.")
        self.restart = CSRStorage(
            1,
            description="1 while a packet is written that begins a stretch of readings. "
            "A model without states ignores it.",
        )
        self.room = CSRStatus(32, description="Number of words that can be written.")
        self.answer = CSRStatus(32, description="Read the next word of an answer.")
        self.reset = CSRStorage(1, description="Write to reset the core and both FIFOs.")
        self.ev = EventManager()
        self.ev.answer = EventSourceLevel()
        self.ev.packet_error = EventSourcePulse()
        self.ev.overflow = EventSourcePulse()
        self.ev.finalize()

        # A FIFO of one word would be a register without a level.
        self.fifo_in = fifo_in = ResetInserter()(
            stream.SyncFIFO([("data", input_bits), ("restart", 1)], max(2, input_words))
        )
        self.fifo_out = fifo_out = ResetInserter()(
            stream.SyncFIFO([("data", output_bits)], max(2, output_words))
        )
        # ``re`` of a storage is high in the clock after a write to it.
        self.comb += [
            fifo_in.sink.valid.eq(self.word.re | self.last_word.re),
            fifo_in.sink.last.eq(self.last_word.re),
            fifo_in.sink.data.eq(Mux(self.last_word.re, self.last_word.storage, self.word.storage)),
            fifo_in.sink.restart.eq(self.restart.storage),
            self.room.status.eq(fifo_in.depth - fifo_in.level),
            self.ev.overflow.trigger.eq(fifo_in.sink.valid & ~fifo_in.sink.ready),
        ]
        # ``we`` of a status is high while it is read.
        sign = [fifo_out.source.data[-1]] * (32 - output_bits)
        self.comb += [
            self.answer.status.eq(Cat(fifo_out.source.data, *sign)),
            fifo_out.source.ready.eq(self.answer.we),
            self.ev.answer.trigger.eq(fifo_out.level >= output_words),
        ]
        reset = Signal()
        self.comb += [
            reset.eq(ResetSignal() | self.reset.re),
            fifo_in.reset.eq(self.reset.re),
            fifo_out.reset.eq(self.reset.re),
        ]
        self.specials += Instance(
            verilog.stem,
            i_aclk=ClockSignal(),
            i_aresetn=~reset,
            i_s_axis_tvalid=fifo_in.source.valid,
            o_s_axis_tready=fifo_in.source.ready,
            i_s_axis_tdata=fifo_in.source.data,
            i_s_axis_tlast=fifo_in.source.last,
            i_s_axis_tuser=fifo_in.source.restart,
            o_m_axis_tvalid=fifo_out.sink.valid,
            i_m_axis_tready=fifo_out.sink.ready,
            o_m_axis_tdata=fifo_out.sink.data,
            o_m_axis_tlast=fifo_out.sink.last,
            o_packet_error=self.ev.packet_error.trigger,
        )


def _packet(manifest: dict[str, Any]) -> tuple[int, int]:
    """Return the number of words of a packet, and the bits of the stream's ``tdata``."""
    words = sum(tensor["rows"] * tensor["columns"] for tensor in manifest["layout"])
    bits = -(-manifest["bits"] // 8) * 8
    if bits > 32:
        raise SystemExit(f"a word has {manifest['bits']} bits, and a register 32")
    return words, bits


class ForecastSoC(SoCMini):
    """A SoC of the core alone, the bus and the interrupt of which are pins.

    On a board, ``self.add_uartbone()`` in place of the pins gives a host the bus by a serial port,
    and ``self.irq.add("forecaster")`` gives the interrupt to a processor.

    Args:
        platform: The platform, with the pins of ``pins()``.
        core: The folder that ``narrowcast export core`` wrote.
    """

    def __init__(self, platform: GenericPlatform, core: Path) -> None:
        super().__init__(platform, CLOCK)
        self.crg = CRG(platform.request("sys_clk"), platform.request("sys_rst"))
        self.forecaster = NarrowcastCore(platform, core)
        self.comb += platform.request("irq").eq(self.forecaster.ev.irq)
        bus = wishbone.Interface()
        self.comb += bus.connect_to_pads(platform.request("wishbone"), mode="slave")
        self.bus.add_master("pins", bus)


def pins() -> list[tuple[Any, ...]]:
    """Return the pins of a ``ForecastSoC``, which have no places in a simulation."""
    names = ("sys_clk", "sys_rst", "irq")
    return [(name, 0, Pins(1)) for name in names] + wishbone.Interface().get_ios("wishbone")


def main() -> None:
    """Write the Verilog of the SoC, and the addresses of its registers."""
    parser = argparse.ArgumentParser(description="Write a LiteX SoC around a core.")
    parser.add_argument("core", type=Path, help="folder of narrowcast export core")
    parser.add_argument("--to", type=Path, required=True, help="folder to write")
    arguments = parser.parse_args()
    if not (arguments.core / "vectors" / "vectors.json").is_file():
        parser.error(f"{arguments.core}: not a folder of narrowcast export core")
    platform = GenericPlatform("simulation", pins())
    soc = ForecastSoC(platform, arguments.core)
    soc.finalize()
    verilog = platform.get_verilog(soc, name="soc")
    arguments.to.mkdir(parents=True, exist_ok=True)
    verilog.write(str(arguments.to / "soc.v"))
    places = (soc.csr_regions, soc.constants, soc.mem_regions)
    (arguments.to / "csr.json").write_text(get_csr_json(*places))
    (arguments.to / "csr.h").write_text(get_csr_header(soc.csr_regions, soc.constants))


if __name__ == "__main__":
    main()
