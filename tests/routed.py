"""Routed netlists, simulated as boards."""

import copy
from pathlib import Path

from faults import FAULTS, Netlist
from narrowcast.compile import Design
from narrowcast.config import InterfaceName
from narrowcast.errors import ToolError
from narrowcast.host.check import check_board
from narrowcast.host.ports import simulated_port
from narrowcast.integer.execute import Flags
from narrowcast.integer.model import Array
from narrowcast.tools.netlist_simulation import routed_command
from narrowcast.tools.verification import Checked
from words import random_words

SHA256 = "0123456789abcdef" * 4
Words = tuple[Array, Flags | None, Array]


def check_routed(
    netlist: Netlist,
    design: Design,
    interface: InterfaceName,
    work: Path,
    words: Words | None = None,
    seconds: float | None = None,
    *,
    held: bool = True,
) -> Checked:
    """Simulate a netlist of nextpnr.

    Args:
        netlist: The module.
        design: What it has been made of, with the digest ``SHA256``.
        interface: How a host speaks to it.
        work: Folder for what is made on the way.
        words: Input words, restarts and output words of windows; by default, of two.
        seconds: How long an answer may take, if not as long as in a build.
        held: Whether the memory holds weights that a host loads from the beginning.

    Raises:
        ToolError: An answer differs or is missing.
    """
    if words is None:
        inputs, expected = random_words(design.model, 2)
        words = inputs, None, expected
    inputs, restart, expected = words
    weights = design.loaded_weights
    command = routed_command(
        *(netlist, design.device, interface, design.cycles, work),
        weights=weights if held else None,
    )
    port = simulated_port(command, "the routed design", interface)
    if seconds is not None:
        port.seconds = seconds
    return check_board(
        *(port, design.model, SHA256, inputs, expected, restart),
        state_access=design.state_access is not None,
        weights=weights,
    )


def fault_is_found(
    netlist: Netlist, design: Design, interface: InterfaceName, work: Path, kind: str, seed: int
) -> bool:
    """Return whether a fault of a netlist of nextpnr, of the kinds ``FAULTS``, is found."""
    faulty = copy.deepcopy(netlist)
    FAULTS[kind](faulty, design.device, seed)
    try:
        check_routed(faulty, design, interface, work, seconds=20)
    except ToolError as error:
        assert str(error).startswith("the routed design"), error
        return True
    return False
