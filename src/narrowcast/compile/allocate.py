"""Addresses: of rows by lifetime, of keys and values by region."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np

from narrowcast.compile.lanes import LaneArray
from narrowcast.compile.program import EngineGraph, ProgramStep, Schedule, Store
from narrowcast.integer.model import Array, Context, IntegerModel, Linear, Scores, Tensor

Row = tuple[str, int, int]  # tensor, head (of probabilities only), token
Place = tuple[str, int, int]  # tensor, head, row of the stores: a token of each way


@dataclass(frozen=True)
class Addresses:
    """The addresses of all data that the engine writes, in the stores of each way.

    If the ways have every other column each, so do their stores, and those of inputs every other
    number. Addresses of inputs count the numbers of both.

    Attributes:
        rows: First address of each row in its store: scratch or tokens.
        scratch_words: Words of the scratch store.
        token_words: Words of the token store.
        inputs: First address of each input in the input store.
        input_words: Words of the input store.
        keys: First address of each tensor of keys, see :func:`key_stride`.
        key_words: Words of a lane's cache of keys.
        values: First address of each tensor of values.
        value_words: Words of a lane's cache of values.
    """

    rows: Mapping[Place, int]
    scratch_words: int
    token_words: int
    inputs: Mapping[str, int]
    input_words: int
    keys: Mapping[str, int]
    key_words: int
    values: Mapping[str, int]
    value_words: int


def rows_of_store(rows: int, array: LaneArray) -> int:
    """Return the rows that a tensor has in each way's store."""
    return -(-rows // array.tokens)


def allocate(graph: EngineGraph, schedule: Schedule, array: LaneArray) -> Addresses:
    """Allocate addresses for all tensors that the engine writes."""
    rows, words = _allocate_rows(graph, schedule, array)
    inputs, input_words = {}, 0
    for tensor in graph.model.input_tensors:
        inputs[tensor.name] = input_words
        input_words += rows_of_store(tensor.rows, array) * tensor.columns
    input_words = -(-input_words // array.at_once)
    keys, key_words = _allocate_regions(
        graph.key_regions, {t.name: _key_words(graph, t, array) for t in graph.held(Store.KEYS)}
    )
    if graph.model.states:
        key_words *= key_tiles(graph.model.kept_rows, array)
    values, value_words = _allocate_regions(
        graph.value_regions,
        {t.name: _value_words(graph, array, t.name) for t in graph.held(Store.VALUES)},
    )
    return Addresses(
        *(rows, words[Store.SCRATCH], words[Store.TOKENS], inputs, input_words),
        *(keys, key_words, values, value_words),
    )


def key_tiles(rows: int, array: LaneArray) -> int:
    """Return the keys of a lane's cache, which holds every ``array.columns``-th one."""
    return -(-rows // array.word_lanes)


def key_stride(graph: EngineGraph, tensor: Tensor, array: LaneArray) -> int:
    """Return the words of a lane's cache from a key to the next one of the same tensor.

    States have a key of each tensor one behind the other, so that one number says where the newest
    one of any lies behind the first.
    """
    if graph.model.states:
        return sum(-(-each.columns // array.at_once) for each in graph.held(Store.KEYS))
    return tensor.columns


def _key_words(graph: EngineGraph, tensor: Tensor, array: LaneArray) -> int:
    """Return the words of a lane's cache for a tensor; of a state for one key of each lane."""
    if graph.model.states:
        return -(-tensor.columns // array.at_once)
    return tensor.columns * key_tiles(tensor.rows, array)


def value_tiles(graph: EngineGraph, array: LaneArray, name: str) -> tuple[int, int]:
    """Return the number of heads of values, and of tiles of a head's columns."""
    tensor = graph.model.tensors[name]
    heads = {step.heads for step in graph.analysis.readers[name] if isinstance(step, Context)}.pop()
    return heads, -(-(tensor.columns // heads) // array.word_lanes)


def _value_words(graph: EngineGraph, array: LaneArray, name: str) -> int:
    heads, tiles = value_tiles(graph, array, name)
    return heads * tiles * rows_of_store(graph.model.tensors[name].rows, array)


def _allocate_regions(
    regions: Sequence[Sequence[str]], words: Mapping[str, int]
) -> tuple[dict[str, int], int]:
    """Return the first address of each tensor, and the words of all regions."""
    bases, base = {}, 0
    for region in regions:
        bases.update(dict.fromkeys(region, base))
        base += max(words[name] for name in region)
    return bases, base


@dataclass
class _Lifetimes:
    """The jobs that write and read each row, by their indices in the list.

    Attributes:
        written: The job that writes a row; for contexts that of the first head.
        read: The last job that reads a row.
        residual_of: The residual of a row, by the row that is written.
    """

    written: dict[Row, int]
    read: dict[Row, int]
    residual_of: dict[Row, Row]


def _lifetimes(schedule: Schedule) -> _Lifetimes:
    found = _Lifetimes({}, {}, {})
    for number, job in enumerate(schedule.jobs):
        step = schedule.steps[job.step]
        for token in job.rows:
            made = _made(step, token)
            found.written.setdefault(made, number)
            head = step.head if isinstance(step.source, Context) else 0
            found.read[step.source.operand, head, token] = number
            if isinstance(step.source, Linear) and step.source.residual is not None:
                residual = (step.source.residual, 0, token)
                found.read[residual] = number
                found.residual_of[made] = residual
    return found


def _made(step: ProgramStep, token: int) -> Row:
    return step.source.output, step.head if isinstance(step.source, Scores) else 0, token


def _allocate_rows(
    graph: EngineGraph, schedule: Schedule, array: LaneArray
) -> tuple[dict[Place, int], dict[Store, int]]:
    """Allocate the rows of the scratch and token stores by first fit, in the order of the jobs.

    The words of a row are free once the last job that reads them has been issued, because jobs are
    issued in order and a job writes long after its issue. A row with a residual replaces the
    residual if no later job reads that: each column is read before it is written.

    Returns:
        The first address of each row, and the words of each store.
    """
    ways = array.tokens
    life = _lifetimes(schedule)
    born: dict[Place, int] = {}
    dies: dict[Place, int] = {}
    rows_of: dict[Place, list[Row]] = {}
    for row, number in life.written.items():
        if graph.stores[row[0]] in (Store.SCRATCH, Store.TOKENS):
            place = row[0], row[1], row[2] // ways
            born[place] = min(number, born.get(place, number))
            dies[place] = max(life.read.get(row, number), dies.get(place, 0))
            rows_of.setdefault(place, []).append(row)
    base: dict[Place, int] = {}
    live: dict[Store, list[tuple[int, int, int]]] = {Store.SCRATCH: [], Store.TOKENS: []}
    words = {Store.SCRATCH: 1, Store.TOKENS: 0}
    for place, number in sorted(born.items(), key=lambda item: item[1]):
        store = graph.stores[place[0]]
        size = -(-graph.model.tensors[place[0]].columns // array.at_once)
        entries = [entry for entry in live[store] if entry[2] >= number]
        at = _place_of_residual(graph, life, rows_of[place], base, ways)
        if at is None:
            at = 0
            for first, after, _ in entries:
                if at + size <= first:
                    break
                at = max(at, after)
        else:
            entries = [entry for entry in entries if entry[0] != at]
        base[place] = at
        live[store] = sorted([*entries, (at, at + size, dies[place])])
        words[store] = max(words[store], at + size)
    return base, words


def _place_of_residual(
    graph: EngineGraph, life: _Lifetimes, rows: list[Row], base: Mapping[Place, int], ways: int
) -> int | None:
    """Return the address of the residual of some rows if they can replace it, else None."""
    residuals = {life.residual_of.get(row) for row in rows}
    if None in residuals or any(graph.stores[r[0]] != Store.TOKENS for r in residuals if r):
        return None
    if graph.stores[rows[0][0]] != Store.TOKENS:
        return None
    for row in rows:
        if life.read[life.residual_of[row]] > life.written[row]:
            return None
    name, head, token = life.residual_of[rows[0]]
    first = token // ways * ways
    of_both = {(name, head, each) for each in range(first, first + ways)}
    if of_both & life.written.keys() != residuals:
        return None
    return base[name, head, token // ways]


def key_biases(model: IntegerModel, step: Scores, at_once: int) -> list[list[list[int]]]:
    """Return the biases of each head of scores, for each way, in the order in which they are read.

    They begin with that of the first key. The keys of a state lie in a ring. So the biases of a
    state come twice, the last one once: the engine begins to read at that of the key in the first
    place of the ring, wherever that stands between the oldest and the newest. Scores without
    biases have zeros in a model in which others have some.

    If the two ways have every other key each, the biases come once for an even number of places
    behind the newest key, and once for an odd number.
    """
    key = model.tensors[step.key]
    biases = np.zeros((step.heads, key.rows), np.int64)
    if step.bias is not None:
        biases = model.arrays[step.bias]
    if key.state:
        biases = np.concatenate([biases, biases[:, :-1]], axis=1)
    result = []
    for head in biases.tolist():
        if at_once == 1:
            result.append([head])
            continue
        later = [*head, 0]
        dealt = [deal(head, at_once), deal([*later[1:], 0], at_once)]
        result.append([[*even, *odd] for even, odd in zip(*dealt, strict=True)])
    return result


def deal(numbers: list[int], ways: int) -> list[list[int]]:
    """Deal out the numbers of a row to so many ways, one after the other, padded with zeros."""
    padded = numbers + [0] * (-len(numbers) % ways)
    return [padded[way::ways] for way in range(ways)]


def positions(bias: Array, ways: int, token: int) -> list[list[int]]:
    """Return the biases of each way's rows, padded to equal length.

    Args:
        bias: Biases [rows, columns].
        ways: Number of ways.
        token: Token of the first row.
    """
    bias = np.concatenate((np.zeros((token % ways, bias.shape[1]), bias.dtype), bias))
    rows = -(-len(bias) // ways)
    result = []
    for way in range(ways):
        own = [bias[row].tolist() for row in range(way, len(bias), ways)]
        own += [[0] * bias.shape[1]] * (rows - len(own))
        result.append([number for row in own for number in row])
    return result
