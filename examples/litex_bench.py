"""Sends the test vectors of a core over the bus of the SoC that ``litex_soc.py`` wrote, in cocotb.

    python examples/litex_bench.py pump_core soc

``Forecaster`` does what a driver does, by the registers alone. All answers have to be those of the
integer model. Icarus Verilog simulates.
"""

import json
import os
import sys
from pathlib import Path
from typing import Any

import cocotb
from cocotb.clock import Clock
from cocotb.triggers import ClockCycles, FallingEdge, RisingEdge
from cocotb_tools.runner import get_runner

ANSWER, PACKET_ERROR, OVERFLOW = 1, 2, 4  # bits of ev_pending and ev_enable
PATIENCE = 100_000  # clocks


class Forecaster:
    """The core as software sees it.

    Args:
        dut: The SoC.
        core: The core's folder, which has the vectors.
        registers: Addresses in bytes, by the names of LiteX's ``csr.json``.
    """

    def __init__(self, dut: Any, core: Path, registers: dict[str, dict[str, Any]]) -> None:
        self._dut = dut
        self._addresses = {name: each["addr"] for name, each in registers.items()}
        vectors = core / "vectors"
        manifest = json.loads((vectors / "vectors.json").read_text())
        self.inputs = packets(vectors / "inputs.hex", manifest["inputs.hex"])
        self.expected = packets(vectors / "expected.hex", manifest["expected.hex"])
        restart = vectors / "restart.txt"
        flags = restart.read_text().split() if restart.exists() else []
        self.restarts = [flag == "1" for flag in flags] or [False] * len(self.inputs)

    async def send(self, words: list[int], restart: bool = False) -> None:
        """Write a packet, each word as soon as there is room for it."""
        await self.write("restart", int(restart))
        for place, word in enumerate(words):
            for _ in range(PATIENCE):
                if await self.read("room") > 0:
                    break
            else:
                raise TimeoutError("there is no room for a word")
            await self.write("last_word" if place == len(words) - 1 else "word", word)

    async def receive(self) -> list[int]:
        """Wait for the interrupt, and read an answer."""
        await self.write("ev_enable", ANSWER)
        for _ in range(PATIENCE):
            if self._dut.irq.value == 1:
                break
            await FallingEdge(self._dut.sys_clk)
        else:
            raise TimeoutError("there is no answer")
        words = [await self.read("answer") for _ in self.expected[0]]
        return [word - (word >> 31 << 32) for word in words]

    async def events(self) -> int:
        """Return the events that are pending, and clear them."""
        pending = await self.read("ev_pending")
        await self.write("ev_pending", pending)
        return pending

    async def write(self, register: str, word: int) -> None:
        """Write a register over the bus."""
        await self._transfer(register, word % (1 << 32))

    async def read(self, register: str) -> int:
        """Read a register over the bus."""
        return await self._transfer(register, None)

    async def _transfer(self, register: str, word: int | None) -> int:
        """Do a transfer of Wishbone, the inputs of which change with the falling edge."""
        dut = self._dut
        dut.wishbone_adr.value = self._addresses[f"forecaster_{register}"] // 4
        dut.wishbone_we.value = int(word is not None)
        dut.wishbone_dat_w.value = word or 0
        dut.wishbone_cyc.value = dut.wishbone_stb.value = 1
        for _ in range(PATIENCE):
            await RisingEdge(dut.sys_clk)
            if dut.wishbone_ack.value == 1:
                break
        else:
            raise TimeoutError(f"{register}: the bus does not answer")
        answer = 0 if word is not None else dut.wishbone_dat_r.value.to_unsigned()
        await FallingEdge(dut.sys_clk)
        dut.wishbone_cyc.value = dut.wishbone_stb.value = 0
        return answer


def packets(path: Path, manifest: dict[str, Any]) -> list[list[int]]:
    """Return the packets of a file of vectors, words as integers with a sign."""
    size = sum(tensor["rows"] * tensor["columns"] for tensor in manifest["layout"])
    sign = 1 << (manifest["bits"] - 1)
    words = [(int(line, 16) ^ sign) - sign for line in path.read_text().split()]
    return [words[i : i + size] for i in range(0, len(words), size)]


async def start(dut: Any) -> Forecaster:
    """Reset the SoC."""
    registers = json.loads((Path(os.environ["SOC"]) / "csr.json").read_text())["csr_registers"]
    dut.sys_rst.value = 1
    for name in ("cyc", "stb", "we", "adr", "dat_w", "cti", "bte"):
        getattr(dut, f"wishbone_{name}").value = 0
    dut.wishbone_sel.value = 0b1111
    Clock(dut.sys_clk, 20, unit="ns").start()
    await ClockCycles(dut.sys_clk, 5)
    await FallingEdge(dut.sys_clk)
    dut.sys_rst.value = 0
    await ClockCycles(dut.sys_clk, 5)
    await FallingEdge(dut.sys_clk)
    return Forecaster(dut, Path(os.environ["CORE"]), registers)


async def check(core: Forecaster, ahead: int) -> None:
    """Send all packets, so many of them ahead of the answers, and compare the answers."""
    results = []
    for number, (words, restart) in enumerate(zip(core.inputs, core.restarts, strict=True)):
        await core.send(words, restart)
        if number >= ahead:
            results.append(await core.receive())
    results += [await core.receive() for _ in range(ahead)]
    assert results == core.expected
    assert await core.events() == 0


@cocotb.test()
async def one_after_the_other(dut: Any) -> None:
    """Each packet is written when the answer to the one before has been read."""
    await check(await start(dut), ahead=0)


@cocotb.test()
async def two_packets_ahead(dut: Any) -> None:
    """An answer waits to be read, another in the core, while the next packet is written."""
    await check(await start(dut), ahead=2)


@cocotb.test()
async def packets_of_wrong_lengths(dut: Any) -> None:
    """Such a packet is flagged and has no answer; the packets after it have theirs."""
    core = await start(dut)
    size = len(core.inputs[0])
    for length in sorted({1, size - 1, size + 1, 2 * size} - {0, size}):
        await core.send([0] * length)
        await ClockCycles(dut.sys_clk, 10)
        assert await core.events() == PACKET_ERROR
    await check(core, ahead=0)


@cocotb.test()
async def words_without_room(dut: Any) -> None:
    """A word that is written without room is flagged; after a reset, all is as at the start."""
    core = await start(dut)
    for words in core.inputs * 2:
        for word in words[:-1]:
            await core.write("word", word)
        await core.write("last_word", words[-1])
    assert await core.events() & OVERFLOW
    await core.write("reset", 1)
    await ClockCycles(dut.sys_clk, 5)
    await check(core, ahead=0)


def main(core: str, soc: str) -> None:
    """Build the simulation in the SoC's folder, and run all tests."""
    core_folder, soc_folder = Path(core).resolve(), Path(soc).resolve()
    build = soc_folder / "icarus"
    runner = get_runner("icarus")
    runner.build(
        sources=[soc_folder / "soc.v", *core_folder.glob("verilog/*.v")],
        hdl_toplevel="soc",
        build_dir=build,
        timescale=("1ns", "1ps"),
    )
    results = runner.test(
        test_module=Path(__file__).stem,
        hdl_toplevel="soc",
        build_dir=build,
        test_dir=Path(__file__).resolve().parent,
        extra_env={"CORE": str(core_folder), "SOC": str(soc_folder)},
        results_xml=str(build / "results.xml"),
    )
    text = Path(results).read_text()
    sys.exit("<failure" in text or "<error" in text)


if __name__ == "__main__":
    main(*sys.argv[1:])
