"""Compares the answers of a board with the integer model."""

from contextlib import closing

from narrowcast.errors import ToolError, UserError
from narrowcast.host.link import Link
from narrowcast.host.ports import Port
from narrowcast.integer import IntegerModel
from narrowcast.integer.execute import Flags
from narrowcast.integer.identity import Identity
from narrowcast.integer.loaded_weights import LoadedWeights
from narrowcast.integer.model import Array
from narrowcast.tools.verification import Checked


def check_board(
    port: Port,
    model: IntegerModel,
    sha256: str,
    inputs: Array,
    expected: Array,
    restart: Flags | None,
    *,
    state_access: bool,
    weights: LoadedWeights | None = None,
) -> Checked:
    """Ask a board for its identity and for some inferences, each once; close the port.

    Args:
        port: The port.
        model: The model that the board has to hold.
        sha256: The digest that names the model.
        inputs: Input words [windows, input_words]; of a model with states, those of consecutive
            inferences.
        expected: What the executor makes of them [windows, output_words].
        restart: Which inferences follow a restart, as for ``execute``; the first one does.
        state_access: Whether the design has state access.
        weights: Weights that the host loads; None if they are part of the design.

    Returns:
        The numbers of windows, and of mismatches: none.

    Raises:
        ToolError: The board does not answer, or an answer differs.
    """
    named = sha256 if weights is None else weights.engine
    wanted = Identity.of(model, named, state_access=state_access, loads_weights=weights is not None)
    with closing(port):
        try:
            link = Link(port, model, sha256, attempts=1, weights=weights)
            if link.identity != wanted:
                raise ToolError(f"{port.name} says of itself {link.identity}, not {wanted}")
            for window, words in enumerate(inputs):
                begins = restart is not None and bool(restart[window])
                answer = link.send(words, restart=begins).words
                if (answer != expected[window]).any():
                    raise ToolError(
                        f"{port.name} differs from the integer model: in window {window} expected "
                        f"{expected[window].tolist()}, got {answer.tolist()}"
                    )
        except UserError as error:
            raise ToolError(str(error)) from None
    return Checked(len(inputs), 0)
