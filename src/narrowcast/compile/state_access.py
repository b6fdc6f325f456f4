"""State access: how the numbers of a row of the states go to a host, and back to the caches.

A row of all states is a byte for each number, state by state (``integer.state_bytes``). The engine
makes these numbers in the order of its program, and keeps each in one lane's cache.
"""

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Self

from narrowcast.compile.allocate import Addresses, rows_of_store, value_tiles
from narrowcast.compile.lanes import LaneArray
from narrowcast.compile.memory import Buffer
from narrowcast.compile.program import EngineGraph, Schedule, Store
from narrowcast.compile.trace import trace_order
from narrowcast.errors import UserError
from narrowcast.integer.model import IntegerModel, Tensor

ROW, ORDER, PLACES = "state row", "order of the state row", "places of the state row"


@dataclass(frozen=True)
class StateAccess:
    """What the engine knows of the numbers of a row, byte by byte.

    Attributes:
        order: How many numbers are made before each.
        places: Where each is written: from the lowest bits on, the address with the ring's place 0
            as the newest, the lane of a value, whether it is a value, and whether it is the second
            one of a pair that is made at once.
        place_bits: Width of these words in bits.
        at_once: How many numbers are made at once.
    """

    order: tuple[int, ...]
    places: tuple[int, ...]
    place_bits: int
    at_once: int

    @classmethod
    def of(
        cls,
        graph: EngineGraph,
        schedule: Schedule,
        addresses: Addresses,
        array: LaneArray,
        address_bits: int,
    ) -> Self:
        """Find the numbers of a row in the program and in the caches."""
        appended = {state: name for name, state in graph.states.items()}
        row = [(t, column) for t in graph.model.states for column in range(t.columns)]
        stored = [(name, column) for name, _, column in trace_order(graph, schedule)]
        of_row = [number for number in stored if number[0] in graph.states]
        made = {number: i for i, number in enumerate(of_row)}
        lane_bits = max(1, (array.columns - 1).bit_length())
        places = []
        for tensor, column in row:
            value = graph.stores[tensor.name] == Store.VALUES
            address, lane = _place(graph, tensor, column, addresses, array)
            kind = int(value) | column % array.at_once << 1
            places.append(address | lane << address_bits | kind << address_bits + lane_bits)
        return cls(
            order=tuple(made[appended[tensor.name], column] for tensor, column in row),
            places=tuple(places),
            place_bits=address_bits + lane_bits + 2,
            at_once=array.at_once,
        )

    def buffers(self, number_bits: int) -> Iterator[tuple[Buffer, str]]:
        """Yield the memories that state access needs, each with its group.

        Args:
            number_bits: Width of the widest number of a row.
        """
        count, index_bits = len(self.order), (len(self.order) - 1).bit_length()
        for name, words, width, ram, kind in (
            (ROW, count // self.at_once, number_bits * self.at_once, True, "activations"),
            (ORDER, count, index_bits, False, "program"),
            (PLACES, count, self.place_bits, False, "program"),
        ):
            yield Buffer(name, words, width, 1, ram, "auto", 0, 0), kind


def _place(
    graph: EngineGraph, tensor: Tensor, column: int, addresses: Addresses, array: LaneArray
) -> tuple[int, int]:
    """Return the address of a number of a state's first row, and the lane if it is a value."""
    if graph.stores[tensor.name] == Store.KEYS:
        return addresses.keys[tensor.name] + column // array.at_once, 0
    heads, tiles = value_tiles(graph, array, tensor.name)
    head, channel = divmod(column, tensor.columns // heads)
    tile, lane = divmod(channel // array.at_once, array.columns)
    block = head * tiles + tile
    return addresses.values[tensor.name] + block * rows_of_store(tensor.rows, array), lane


def check_state_access(model: IntegerModel, graph: EngineGraph) -> None:
    """Check that a host can read the states of a model.

    Raises:
        UserError: The model has none, or the engine keeps one in several memories.
    """
    if not model.states:
        raise UserError(
            "hardware.state_access: the model has no states: take false, or model.kind = 'stream'"
        )
    kept = [tensor.name for tensor in graph.model.states]
    for tensor in model.states:
        if tensor.name not in kept:
            raise UserError(f"hardware.state_access: nothing reads the state {tensor.name}")
    if len(kept) > len(model.states):
        several = next(name for name in kept if name not in {t.name for t in model.states})
        raise UserError(
            f"hardware.state_access: the engine keeps a state in several memories ({several} is a "
            "copy), as it is read as keys and as values, or by other heads"
        )


def state_contents(access: StateAccess | None) -> dict[str, list[list[int]]]:
    """Return the words of the read-only memories, as ``Parameters`` has them; {} without access."""
    if access is None:
        return {}
    return {ORDER: [list(access.order)], PLACES: [list(access.places)]}


def state_constants(access: StateAccess | None) -> dict[str, int]:
    """Return the numbers of ``engine_config.vhd``."""
    return {
        "STATE_ACCESS": int(access is not None),
        "STATE_ROW_BYTES": 0 if access is None else len(access.order),
        "STATE_ORDER_BITS": 1 if access is None else (len(access.order) - 1).bit_length(),
        "STATE_PLACE_BITS": 1 if access is None else access.place_bits,
    }
