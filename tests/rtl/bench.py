"""Test benches of single entities, run in GHDL."""

import random
from collections.abc import Mapping, Sequence
from importlib import resources
from pathlib import Path
from types import MappingProxyType

from narrowcast.tools.process import require, run

RTL = Path(str(resources.files("narrowcast") / "rtl"))
HERE = Path(__file__).parent

Clocks = Sequence[Sequence[int]]
Numbers = list[int | None]  # None: not all of its bits are 0 or 1


class Bench:
    """``<entity>_tb.vhd``, analysed together with its entity.

    Args:
        work: folder; what is made lies in one of the entity's own.
        entity: to be tested.
        below: entities that it instantiates.
        config: declarations of what it takes of ``engine_config``.
    """

    def __init__(
        self,
        work: Path,
        entity: str,
        *below: str,
        config: Sequence[str] = (),
    ) -> None:
        self.work, self.entity = work / entity, entity
        self.work.mkdir(exist_ok=True)
        lines = ("library ieee;", "use ieee.std_logic_1164.all;", "library work;")
        lines += ("use work.engine_types.all;", "package engine_config is", *config)
        (self.work / "engine_config.vhd").write_text("\n".join((*lines, "end package;\n")))
        sources = [RTL / "engine_types.vhd", self.work / "engine_config.vhd"]
        sources += [RTL / f"{name}.vhd" for name in (*below, entity)]
        sources += [HERE / "bench.vhd", HERE / f"{entity}_tb.vhd"]
        run([require("ghdl"), "-a", "--std=08", "--warn-error", *sources], self.work)

    def run(
        self, stimulus: Clocks, files: Mapping[str, str] = MappingProxyType({}), **generics: int
    ) -> list[Numbers]:
        """Apply ``stimulus``, the numbers of one clock each, and return the outputs of each.

        Args:
            stimulus: inputs by clock.
            files: contents of what the bench reads besides, by name.
            generics: of the bench.

        Raises:
            ToolError: the simulation failed.
        """
        lines = "".join(" ".join(map(str, numbers)) + "\n" for numbers in stimulus)
        for name, content in {"stimulus.txt": lines, **files}.items():
            (self.work / name).write_text(content)
        values = [f"-g{name}={value}" for name, value in generics.items()]
        run(
            [
                *(require("ghdl"), "-r", "--std=08", f"{self.entity}_tb", *values),
                *("--ieee-asserts=disable", "--max-stack-alloc=0"),
            ],
            self.work,
        )
        response = (self.work / "response.txt").read_text().splitlines()
        assert len(response) == len(stimulus)
        return [[None if n == "x" else int(n) for n in line.split()] for line in response]


def either(noise: random.Random, bits: int) -> int:
    """A number of so many bits, at times one of the two extremes."""
    low, high = -(1 << (bits - 1)), (1 << (bits - 1)) - 1
    return noise.choice((low, high)) if noise.random() < 0.2 else noise.randint(low, high)


def binary(words: Sequence[int], width: int) -> str:
    """Return words as a file of binary digits, one a line."""
    return "".join(f"{word % (1 << width):0{width}b}\n" for word in words)


def shown(words: Sequence[int | None]) -> list[int | None]:
    """Return what a memory's output shows by clock, from the third on: the word read two before.

    Args:
        words: read in each clock, None where the memory is not enabled and keeps what it has.
    """
    result: list[int | None] = []
    latched: int | None = 0
    for word in words[:-2]:
        latched = latched if word is None else word
        result.append(latched)
    return result
