"""What a model takes on a microcontroller: instructions, flash, RAM, time and energy, estimated.

The number of instructions is a sum of terms that follow from the model, with coefficients that
``benchmarks/microcontroller.py`` has fitted to code that ran in qemu.
"""

import tomllib
from collections import Counter
from dataclasses import dataclass
from functools import cache
from importlib import resources
from typing import Any

from pydantic import TypeAdapter

from narrowcast.export.code import CCode
from narrowcast.integer import Append, ArgMax, Context, L1Norm, Linear, RowSum, Scores

CODE_BYTES = 4096  # of 32-bit instructions; models of docs/c-export.md take 2300 to 3700
STACK_BYTES = 256  # of an inference, with some room


@dataclass(frozen=True)
class Core:
    """A processor.

    Attributes:
        instructions: Coefficients of the terms of :func:`instruction_terms`.
        cycles_per_instruction: From the published timing of its instructions, without wait states.
    """

    instructions: dict[str, float]
    cycles_per_instruction: float


@dataclass(frozen=True)
class Microcontroller:
    """A part.

    Attributes:
        part: Its name.
        core: Name of its processor.
        clock_mhz: Its highest clock frequency.
        ram: Bytes of RAM.
        source: Where these figures are from.
        flash: Bytes of flash memory; None if that is another part.
        ua_per_mhz: Supply current while it computes, by clock frequency; None if not known.
        volts: Supply voltage of that current; None if not known.
    """

    part: str
    core: str
    clock_mhz: float
    ram: int
    source: str
    flash: int | None = None
    ua_per_mhz: float | None = None
    volts: float | None = None


@dataclass(frozen=True)
class MicrocontrollerCost:
    """What an inference takes on a part, estimated.

    Attributes:
        part: The part.
        core: Its processor.
        clock_mhz: The clock frequency, its highest one.
        instructions: Instructions that are executed.
        cycles: Clock cycles, without wait states of the memory.
        ms: Duration at that clock frequency.
        flash: Bytes of code and constants.
        ram: Bytes of variables, of inputs and outputs, and of the stack.
        fits: Whether its memories are large enough.
        energy_uj: Energy of an inference; None if the current is not known.
        source: Where the figures of the part are from.
    """

    part: str
    core: str
    clock_mhz: float
    instructions: int
    cycles: int
    ms: float
    flash: int
    ram: int
    fits: bool
    energy_uj: float | None
    source: str


def instruction_terms(code: CCode) -> dict[str, int]:
    """Count what costs instructions in one inference; of a stream, once its states are full."""
    model, terms = code.model, Counter[str]()
    for step, call in zip(model.operations, code.program.calls, strict=False):
        terms["calls"] += 1
        wide, output = call.kernel.way == "i64", model.tensors[step.output]
        match step:
            case Linear():
                inner = model.arrays[step.weights].shape[1]
                _dots(terms, output.size, inner)
                terms["linear rows"] += output.rows
                terms["linear results"] += output.size
                terms["wide linear results"] += output.size * wide
                terms["residuals"] += output.size if step.residual is not None else 0
            case Scores():
                size = model.tensors[step.operand].columns // step.heads
                _dots(terms, output.size, size)
                terms["zero points"] += output.size * size if call.kernel["zero"] else 0
                terms["score rows"] += output.rows
                terms["scores"] += output.size
                terms["wide scores"] += output.size * wide
            case Context():
                terms["context products"] += output.size * model.tensors[step.value].rows
                terms["context results"] += output.size
                terms["wide context results"] += output.size * wide
                terms["exponentials"] += model.tensors[step.operand].size
                terms["reciprocals"] += model.tensors[step.operand].rows
            case RowSum() | ArgMax() | L1Norm():
                terms["summed elements"] += model.tensors[step.operand].size
            case Append():
                terms["moved elements"] += output.size
    return dict(terms)


def _dots(terms: Counter[str], number: int, size: int) -> None:
    terms["products by four"] += number * (size // 4)
    terms["other products"] += number * (size % 4)


def weighted(terms: dict[str, int], coefficients: dict[str, float]) -> float:
    """Return the sum of terms with their coefficients."""
    return sum(number * coefficients.get(name, 0.0) for name, number in terms.items())


@cache
def cores() -> dict[str, Core]:
    """Return all processors by name."""
    return TypeAdapter(dict[str, Core]).validate_python(_data("cores.toml"))


@cache
def microcontrollers() -> tuple[Microcontroller, ...]:
    """Return all parts."""
    parts = _data("microcontrollers.toml")["parts"]
    return TypeAdapter(tuple[Microcontroller, ...]).validate_python(parts)


def _data(name: str) -> dict[str, Any]:
    return tomllib.loads((resources.files("narrowcast.export") / "data" / name).read_text())


def costs(code: CCode) -> tuple[MicrocontrollerCost, ...]:
    """Estimate what a model takes on each part."""
    found = []
    for part in microcontrollers():
        core = cores()[part.core]
        instructions = weighted(instruction_terms(code), core.instructions)
        cycles = instructions * core.cycles_per_instruction
        flash = code.constant_bytes + CODE_BYTES
        ram = code.static_bytes + code.word_bytes + STACK_BYTES
        energy = None
        if part.ua_per_mhz is not None and part.volts is not None:
            energy = cycles * part.ua_per_mhz * part.volts * 1e-6
        found.append(
            MicrocontrollerCost(
                part=part.part,
                core=part.core,
                clock_mhz=part.clock_mhz,
                instructions=round(instructions),
                cycles=round(cycles),
                ms=cycles / part.clock_mhz / 1000,
                flash=flash,
                ram=ram,
                fits=ram <= part.ram and (part.flash is None or flash <= part.flash),
                energy_uj=energy,
                source=part.source,
            )
        )
    return tuple(found)
