"""A link to a board: its identity, frames and answers, and what is done when an answer is missing.

``docs/boards.md`` states the protocol.
"""

import logging
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path
from types import TracebackType
from typing import Self

import numpy as np

from narrowcast.errors import UserError
from narrowcast.host.ports import Port, open_port
from narrowcast.integer import IntegerModel, join_rows, load_model, model_sha256
from narrowcast.integer.arithmetic import Reals
from narrowcast.integer.identity import ATTEMPTS, SIZE, Identity, check_byte, word_bytes
from narrowcast.integer.loaded_weights import LoadedWeights
from narrowcast.integer.model import Array
from narrowcast.integer.state_bytes import row_bytes
from narrowcast.outputs import RTL

SYNC, FIRST, SYNC_KEEP, FIRST_KEEP, RESTORE, IDENTIFY, LOAD, HELD = range(0xA5, 0xAD)

Warn = Callable[[str], None]

_LOG = logging.getLogger(__name__)


@dataclass(frozen=True)
class Answer:
    """What a board makes of a frame.

    Attributes:
        words: The output words [output_words].
        restarted: Whether the board began a new stretch for this reading although it was not asked
            to, because an answer was missing: the results rest on this reading alone.
    """

    words: Array
    restarted: bool = False


class Link:
    """A board that holds a model, behind a port. Use :meth:`open`; it is a context manager.

    Of a board with state access, the link asks for the row of the states of each reading, and
    keeps the last ones. If an answer is missing, it puts the state back and sends the reading
    again, so that nothing is lost. Of a stream without state access it goes on with a restart.

    A board whose weights a host loads gets them, unless it holds them already.

    Args:
        port: The port.
        model: The model that the board has to hold.
        sha256: The digest that names the model.
        warn: Called with a line when a stream had to begin anew.
        attempts: How often a question is asked before it counts as unanswered.
        weights: Weights that the host loads; None if the design of the model has them.

    Attributes:
        identity: What the board has said of itself.
        rows: The last rows of the states, oldest first, as the board gave them out; always empty
            without state access.

    Raises:
        UserError: The board does not answer, or is another one.
    """

    def __init__(
        self,
        port: Port,
        model: IntegerModel,
        sha256: str,
        warn: Warn = _LOG.warning,
        attempts: int = ATTEMPTS,
        weights: LoadedWeights | None = None,
    ) -> None:
        self.model = model
        self._warn = warn
        self.rows: list[bytes] = []
        self._port = port
        self._sha256 = sha256
        self._attempts = attempts
        self._weights = weights
        self._fresh = True  # the next reading begins a stretch, whatever the caller says
        self.identity = self._identify()
        self._load()

    @classmethod
    def open(cls, port: Port | str, out: Path | str, warn: Warn = _LOG.warning) -> Self:
        """Open a port and check that the board behind it holds, or can take, the model in a folder.

        Args:
            port: An open port, the path of a serial port, or ``sim:`` and an output folder.
            out: Output folder of ``narrowcast build`` or ``quantize``.
            warn: Called with a line when a stream had to begin anew.

        Raises:
            UserError: The model or the port cannot be opened, the board does not answer, or holds
                another model.
            ToolError: A simulated board cannot be made.
        """
        model, sha256 = load_model(out), model_sha256(out)
        weights = LoadedWeights.read(Path(out) / RTL, sha256)
        opened = open_port(port) if isinstance(port, str) else port
        try:
            return cls(opened, model, sha256, warn, weights=weights)
        except BaseException:
            opened.close()
            raise

    def close(self) -> None:
        """Close the port."""
        self._port.close()

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self.close()

    def send(self, words: Array, *, restart: bool = False) -> Answer:
        """Send the words of an inference, and return the answer.

        Args:
            words: Input words [input_words], within the ranges of their tensors.
            restart: Whether the reading is the first of a stretch. The first one of a link always
                is, unless a state was put back. A model without states knows no stretches.

        Raises:
            UserError: The board did not answer, also when asked again.
            ValueError: The words are of another shape, or beyond the range of their tensor.
        """
        content = self._content(words)
        restart = bool(self.model.states) and (restart or self._fresh)
        restarted = False
        for attempt in range(self._attempts):
            if attempt:
                self._load()  # if it has been switched off
            if attempt and self.model.states and not restart:
                if self.rows:
                    self._put_back()
                else:
                    restart = restarted = True
            found = self._ask(content, restart=restart)
            if found is None:
                continue
            if restarted:
                self._warn(
                    f"{self._port.name}: an answer was missing: a new stretch begins, whose "
                    "results rest on fewer readings at first"
                )
            self._fresh = False
            return Answer(found, restarted)
        self._fresh = True
        raise UserError(
            f"{self._port.name}: the board has stopped answering: {self._attempts} frames got no "
            "whole answer"
        )

    def forecast(self, *readings: Reals, restart: bool = False) -> Reals:
        """Forecast from one window, or from the next reading of a stream.

        Args:
            readings: [rows, columns] of each of the model's inputs, in their own units. The first
                input is the window or reading; others, if any, are the earlier seasons and what is
                known ahead.
            restart: As that of :meth:`send`.

        Returns:
            [forecasts] of all outputs, in the targets' units.

        Raises:
            UserError: The board did not answer.
            ValueError: The readings are of another shape or not finite.
        """
        given = {each.tensor: x[None] for each, x in zip(self.model.inputs, readings, strict=True)}
        words = self.model.pack_inputs(self.model.quantise(given))[0]
        answer = self.send(words, restart=restart)
        integers = self.model.unpack_outputs(answer.words[None])
        forecasts: Reals = self.model.forecasts(integers, given)[0]
        return forecasts

    def restore(self, rows: Sequence[bytes]) -> None:
        """Put a state back: the next reading follows the one of the last row.

        Args:
            rows: Rows of the states, oldest first, as :attr:`rows` has them.

        Raises:
            UserError: The board has no state access, or does not take the state.
            ValueError: There are too many rows, or one has another length.
        """
        if not self.identity.state_access:
            raise UserError(
                f"{self._port.name}: the board has no state access: compile with "
                "hardware.state_access = true"
            )
        size = row_bytes(self.model)
        if len(rows) > self.model.kept_rows or any(len(row) != size for row in rows):
            raise ValueError(f"a state is up to {self.model.kept_rows} rows of {size} bytes")
        self.rows = list(rows)
        self._put_back()
        self._fresh = False

    def _load(self) -> None:
        """Load the weights of a board that takes them from a host, unless it holds them already.

        Raises:
            UserError: It does not take them, or does not answer.
        """
        if not self.identity.loads_weights:
            return
        assert self._weights is not None  # see _check
        answer, heard = self._weights.answer, False
        for _ in range(self._attempts):
            for question in (b"", self._weights.content + self._weights.check):
                self._port.clear()
                self._port.write(bytes([LOAD if question else HELD]) + question)
                found = self._port.read(len(answer))
                if found == answer:
                    return
                heard = heard or found != b""
        silent = "has stopped answering: no load of its weights got an answer"
        said = "does not take the weights" if heard else silent
        raise UserError(f"{self._port.name}: the board {said}")

    def _put_back(self) -> None:
        for _ in range(self._attempts):
            self._port.clear()
            self._port.write(bytes([RESTORE]) + join_rows(self.rows))
            if self._port.read(1) == bytes([RESTORE]):
                return
        self._fresh = True
        raise UserError(f"{self._port.name}: the board does not take the state")

    def _content(self, words: Array) -> bytes:
        """Return the words of a frame in bytes, and the check byte."""
        for tensor, given in zip(
            self.model.input_tensors, self.model.unpack_inputs(words[None]).values(), strict=True
        ):
            if given.min() < tensor.low or given.max() > tensor.high:
                raise ValueError(f"a word of {tensor.name} is not in {tensor.low}..{tensor.high}")
        size = word_bytes(self.model.input_tensors)
        content = b"".join(word.to_bytes(size, "little", signed=True) for word in words.tolist())
        return content + check_byte(content)

    def _ask(self, content: bytes, *, restart: bool) -> Array | None:
        """Send a frame; return the words of the answer, or None if it is missing or not whole."""
        keep = self.identity.state_access
        self._port.clear()
        self._port.write(bytes([SYNC + restart + (SYNC_KEEP - SYNC) * keep]) + content)
        size = word_bytes(self.model.output_tensors)
        answer = self._port.read(self.model.output_words * size + 1)
        row = self._port.read(row_bytes(self.model) + 1) if keep else b""
        whole = len(answer) == self.model.output_words * size + 1
        whole &= not keep or len(row) == row_bytes(self.model) + 1
        if not whole or sum(answer) % 256 or sum(row) % 256:
            return None
        if keep:
            before = [] if restart else self.rows
            self.rows = [*before, row[:-1]][-self.model.kept_rows :]
        parts = [answer[i : i + size] for i in range(0, len(answer) - 1, size)]
        return np.array([int.from_bytes(part, "little", signed=True) for part in parts], np.int64)

    def _identify(self) -> Identity:
        """Ask the board what it is.

        Raises:
            UserError: It does not answer, or is no board with this model.
        """
        name, heard = self._port.name, b""
        for _ in range(self._attempts):
            self._port.clear()
            self._port.write(bytes([IDENTIFY]))
            heard = self._port.read(SIZE) or heard
            try:
                found = Identity.unpack(heard)
            except ValueError:
                continue
            self._check(found)
            return found
        if heard:
            raise UserError(
                f"{name}: what answers is no board of narrowcast, or disturbs the line: it sent "
                f"{heard[:8].hex(' ')}{' ...' if heard[8:] else ''}"
            )
        raise UserError(
            f"{name}: the board does not answer: is it switched on, and has it been loaded with "
            "the bitstream of 'narrowcast place'?"
        )

    def _check(self, found: Identity) -> None:
        name, wanted = self._port.name, Identity.of(self.model, self._sha256, state_access=False)
        if found.protocol != wanted.protocol:
            raise UserError(
                f"{name}: the board speaks version {found.protocol} of the protocol, not "
                f"{wanted.protocol}: make its bitstream again"
            )
        if found.loads_weights:
            self._check_engine(found)
        elif found.digest != wanted.digest:
            raise UserError(
                f"{name}: the board holds another model, {found.digest.hex()}, not "
                f"{wanted.digest.hex()}: load it with the bitstream of this one"
            )

    def _check_engine(self, found: Identity) -> None:
        name, weights = self._port.name, self._weights
        if weights is None:
            raise UserError(
                f"{name}: the board takes its weights from a host, and the output folder has none: "
                "set hardware.storage.weights = 'spram' and run 'narrowcast compile'"
            )
        if found.digest != bytes.fromhex(weights.engine)[: len(found.digest)]:
            raise UserError(
                f"{name}: the weights are for another engine than that of the board: biases, "
                "scales, zero points, sizes or hardware options differ: load it with the bitstream "
                "of this model"
            )
