"""Writes the C code of a model: a header and a source file."""

import re
from collections.abc import Callable, Iterable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np

from narrowcast.errors import UserError, shown
from narrowcast.export.c_types import INT32, INT64, CType, comment, literal, narrowest
from narrowcast.export.fixed_point import Formats, FractionBits, formats
from narrowcast.export.rendering import render
from narrowcast.export.steps import Program, program
from narrowcast.files import write_whole
from narrowcast.integer import IntegerModel, analyse
from narrowcast.integer.execute import Flags
from narrowcast.integer.identity import ATTEMPTS, Identity
from narrowcast.integer.loaded_weights import LoadedWeights
from narrowcast.integer.model import Array, Tensor
from narrowcast.integer.state_bytes import row_bytes

_QUANTISER_BYTES, _DECODING_BYTES = 40, 24  # of the structures, aligned to their widest member
NAME = "narrowcast_model"
_NAMES = re.compile(r"[A-Za-z][A-Za-z0-9_]{0,39}", re.ASCII)
_TAKEN = frozenset(
    (
        *("weights", "biases", "multipliers", "factors", "table", "step", "state", "masks"),
        *("hour", "weekday", "month", "quantisers", "decodings"),
    )
)  # the first parts of other names in the code


@dataclass(frozen=True)
class Words:
    """The words of a tensor in a structure of the caller.

    Attributes:
        name: Member of the structure.
        tensor: The tensor.
    """

    name: str
    tensor: Tensor

    @property
    def type(self) -> CType:
        """The type of the elements."""
        return narrowest(self.tensor.low, self.tensor.high)

    @property
    def bytes(self) -> int:
        """Size of all elements."""
        return self.tensor.size * self.type.bytes


@dataclass(frozen=True)
class CCode:
    """The C code of a model.

    Attributes:
        name: Prefix of all that is visible outside.
        model: The model.
        sha256: The digest that names the model.
        program: The operations.
        inputs: The members of the input structure.
        outputs: The members of the output structure.
        formats: The conversions of readings and forecasts.
    """

    name: str
    model: IntegerModel
    sha256: str
    program: Program
    inputs: tuple[Words, ...]
    outputs: tuple[Words, ...]
    formats: Formats

    @property
    def constant_bytes(self) -> int:
        """Bytes of all arrays of constants, which lie in flash memory."""
        tables = sum(
            (each.masks.size + sum(table.size for table in each.calendar.values()))
            * narrowest(each.tensor.low, each.tensor.high).bytes
            for each in self.formats.inputs
        )
        columns = sum(_QUANTISER_BYTES * len(each.readings) for each in self.formats.inputs)
        columns += sum(_DECODING_BYTES * len(each.decodings) for each in self.formats.outputs)
        arrays = sum(each.bytes for each in self.program.constants)
        return arrays + tables + columns

    @property
    def static_bytes(self) -> int:
        """Bytes of the static variables."""
        stored = self.program.layout.stored
        states = sum(each.size * stored[each.name].type.bytes for each in self.model.states)
        return self.program.layout.buffer + states

    @property
    def word_bytes(self) -> int:
        """Bytes of the structures of the caller."""
        return sum(each.bytes for each in (*self.inputs, *self.outputs))

    def header(self) -> str:
        """Return the text of NAME.h."""
        return _render("model.h.j2", **self._context())

    def source(self) -> str:
        """Return the text of NAME.c."""
        kernels = self.program.kernels
        dots = {(k["x"], k["sum"], k["zero"]): k for k in kernels if k.kind in ("linear", "scores")}
        ways = {k.way for k in kernels} - {""}
        return _render(
            "model.c.j2",
            program=self.program,
            states=[self.program.layout.stored[each.name] for each in self.model.states],
            ways=sorted(ways),
            shifts=[*([INT32] if ways & {"i32", "split"} else []), INT64],  # INT64 for readings
            dots=list(dots.values()),
            reciprocal=any(each.kind == "context" for each in kernels),
            **self._context(),
        )

    def write(self, folder: Path) -> None:
        """Write NAME.h and NAME.c.

        Raises:
            UserError: A file cannot be written.
        """
        write_whole(folder / f"{self.name}.h", self.header())
        write_whole(folder / f"{self.name}.c", self.source())

    def write_driver(self, folder: Path, weights: LoadedWeights | None = None) -> None:
        """Write NAME_link.h and NAME_link.c: the host's side of the line to a board.

        Args:
            folder: Their folder.
            weights: Weights that the host loads; None if they are part of the board's design.

        Raises:
            UserError: A file cannot be written.
        """
        named = self.sha256 if weights is None else weights.engine
        identity = Identity.of(self.model, named, state_access=False)
        further = {
            "identity": identity,
            "identity_bytes": list(identity.pack()),
            "output_words": self.model.output_words,
            "attempts": ATTEMPTS,
            "row_bytes": row_bytes(self.model),
            "weights": None if weights is None else list(weights.content + weights.check),
            "weights_answer": None if weights is None else list(weights.answer),
        }
        for ending in ("h", "c"):
            text = _render(f"link.{ending}.j2", **further, **self._context())
            write_whole(folder / f"{self.name}_link.{ending}", text)

    def write_test(
        self, folder: Path, inputs: Array, outputs: Array, restart: Flags | None = None
    ) -> None:
        """Write main_test.c and NAME_vectors.h: a program that compares results.

        Args:
            folder: Folder with the files of :meth:`write`.
            inputs: Words [windows, input_words].
            outputs: Words [windows, output_words].
            restart: Which windows follow a restart; None: the first one.

        Raises:
            UserError: A file cannot be written.
        """
        flags = np.arange(len(inputs)) == 0 if restart is None else restart
        vectors = _render(
            "vectors.h.j2",
            name=self.name,
            inputs=inputs.tolist(),
            outputs=outputs.tolist(),
            restart=flags.astype(int).tolist() if self.model.states else [],
        )
        write_whole(folder / "main_test.c", _render("main_test.c.j2", **self._context()))
        write_whole(folder / f"{self.name}_vectors.h", vectors)

    def _context(self) -> dict[str, object]:
        return {
            "name": self.name,
            "macro": self.name.upper(),
            "about": f"{self.name}: generated by narrowcast export c.",
            "sha256": self.sha256,
            "inputs": self.inputs,
            "outputs": self.outputs,
            "formats": self.formats,
            "members": {each.tensor.name: each.name for each in (*self.inputs, *self.outputs)},
            "types": {each.name: each.type for each in (*self.inputs, *self.outputs)},
            "kept_rows": self.model.kept_rows,
        }


def c_code(
    model: IntegerModel, sha256: str, name: str = NAME, fraction_bits: FractionBits | None = None
) -> CCode:
    """Translate a valid model to C.

    Args:
        model: The model.
        sha256: The digest that names it.
        name: Prefix of the files and of all that is visible outside.
        fraction_bits: Formats of readings and forecasts that are not to be chosen automatically.

    Raises:
        UserError: The name is none of C, or a format is not possible.
    """
    if not _NAMES.fullmatch(name) or name in _TAKEN:
        raise UserError(
            f"--name: {shown(name)} is not possible: it takes up to 40 letters, digits and '_', "
            "a letter first, and must not be a word that the code itself uses"
        )
    translated = program(analyse(model))
    names = translated.layout.names
    inputs = tuple(Words(names[each.name], each) for each in model.input_tensors)
    outputs = tuple(Words(names[each.name], each) for each in model.output_tensors)
    conversions = formats(model, fraction_bits or {})
    return CCode(name, model, sha256, translated, inputs, outputs, conversions)


def _numbers(values: Iterable[int]) -> str:
    """Return the elements of an array, several in a line."""
    texts = list(map(literal, values))
    rows = (", ".join(texts[first : first + 16]) for first in range(0, len(texts), 16))
    return ",\n".join(f"    {row}" for row in rows)


def _rows(values: Array) -> str:
    """Return the rows of a table, one in a line."""
    rows = (", ".join(map(literal, row)) for row in values.tolist())
    return ",\n".join(f"    {{{row}}}" for row in rows)


_FILTERS: dict[str, Callable[[Any], str]] = {
    "numbers": _numbers,
    "rows": _rows,
    "literal": literal,
    "comment": comment,
}


def _render(template: str, **context: object) -> str:
    return render(template, context, _FILTERS)
