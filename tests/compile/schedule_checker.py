"""Checks a schedule clock by clock, by walking every access that the engine makes to its stores.

It knows the engine's pipeline (see ``docs/engine.md``) and nothing of how the compiler came to its
pauses: loop nests, addresses and write times are worked out here once more.
"""

from bisect import bisect_right
from collections import defaultdict
from collections.abc import Iterator

from narrowcast.compile import Design
from narrowcast.compile.program import ProgramStep
from narrowcast.integer import Context, Linear, Scores

Place = tuple[str, int, int]  # store, lane, address
Element = tuple[str, int, int]  # tensor, row, column


class ScheduleChecker:
    """Collects accesses; ``check`` raises AssertionError on the first that cannot be right."""

    def __init__(self, design: Design) -> None:
        self.design, self.model = design, design.model
        self.writes: dict[Place, list[tuple[int, Element]]] = defaultdict(list)
        self.reads: list[tuple[int, Place, Element]] = []
        self.write_port: list[int] = []
        self.collector: list[int] = []
        self.epilogue: list[int] = []
        self.token_operand: list[int] = []
        self.token_residual: list[int] = []
        self.divisions: list[int] = []
        steps = self.model.steps
        linear = [s for s in steps if isinstance(s, Linear)]
        self.keys = {s.key for s in steps if isinstance(s, Scores)}
        self.values = {s.value for s in steps if isinstance(s, Context)}
        made = {s.output for s in linear if s.residual is not None}
        self.tokens = made | {s.residual for s in linear if s.residual is not None}
        self.columns = self.model.channels // self.model.heads

    def place(self, element: Element) -> Place:
        name, row, column = element
        lanes, heads = self.design.lanes, self.model.heads
        if name in self.keys:
            return "keys", row % lanes, row // lanes * self.model.channels + column
        if name in self.values:
            head, at = divmod(column, self.columns)
            tiles = -(-self.columns // lanes)
            return "values", at % lanes, (head * tiles + at // lanes) * self.model.window + row
        width = self.model.tensors[name].columns
        if name in self.tokens:
            return "tokens", 0, row * width + column
        if name.endswith(".scores.output") and heads > 1:
            row %= self.model.window  # one head's exponentials lie where another's lay
        return "scratch", 0, self.design.plan.scratch[name] + row * width + column

    def write(self, readable: int, element: Element) -> None:
        self.writes[self.place(element)].append((readable, element))
        self.write_port.append(readable)

    def read(self, clock: int, element: Element) -> None:
        self.reads.append((clock, self.place(element), element))

    def check(self) -> None:
        for i in range(self.model.window * self.model.inputs):
            self.write(i + 2, (self.model.input, *divmod(i, self.model.inputs)))
        for step in self.design.program:
            self.operands(step)
            if isinstance(step.source, Scores):
                self.softmax(step)
            else:
                self.results(step)
        self.check_units()
        for accesses in self.writes.values():
            assert accesses == sorted(accesses, key=lambda access: access[0])
        for clock, place, element in self.reads:
            accesses = self.writes[place]
            last = bisect_right([readable for readable, _ in accesses], clock) - 1
            assert last >= 0, f"{element} is read at {clock} before {place} is written"
            assert accesses[last][1] == element, f"{element} at {clock}: {accesses[last]}"

    def check_units(self) -> None:
        for unit in (self.collector, self.epilogue, self.write_port):
            assert len(set(unit)) == len(unit)
        assert self.collector == sorted(self.collector)
        both = set(self.token_operand) & set(self.token_residual)
        assert not both, f"the token store is read twice at {sorted(both)[:5]}"
        gaps = [b - a for a, b in zip(self.divisions, self.divisions[1:], strict=False)]
        assert all(gap > 17 for gap in gaps), "a row's division is cut short by the next"

    def issues(self, step: ProgramStep) -> Iterator[tuple[int, int, int, int]]:
        """Clock, row, tile and inner index of every operand pair."""
        clock = step.start
        for row in range(step.rows):
            for tile in range(step.tiles):
                for k in range(step.inner):
                    yield clock, row, tile, k
                    clock += 1
                clock += step.tile_pause if tile < step.tiles - 1 else step.row_pause

    def operands(self, step: ProgramStep) -> None:
        source = step.source
        operand = self.model.tensors[source.operand]
        for clock, row, tile, k in self.issues(step):
            lanes = range(tile * step.lanes, min((tile + 1) * step.lanes, step.columns))
            if isinstance(source, Linear):
                element = divmod(row * step.inner + k, operand.columns)
            elif isinstance(source, Scores):
                element = row, step.head * self.columns + k
                for key in lanes:
                    self.read(clock, (source.key, key, step.head * self.columns + k))
            else:
                element = step.head * self.model.window + row, k
                for column in lanes:
                    self.read(clock, (source.value, k, step.head * self.columns + column))
            self.read(clock, (source.operand, *element))
            if source.operand in self.tokens:
                self.token_operand.append(clock)

    def sums(self, step: ProgramStep) -> Iterator[tuple[int, int, int]]:
        """Clock, row and column of every sum that leaves the collector: 8 clocks, then in turn."""
        times = step.value_times()
        for clock, row, tile, k in self.issues(step):
            if k == step.inner - 1:
                for lane in range(min(step.lanes, step.columns - tile * step.lanes)):
                    column = tile * step.lanes + lane
                    assert times[row, column] == clock + 8 + lane
                    self.collector.append(clock + 8 + lane)
                    yield clock + 8 + lane, row, column

    def results(self, step: ProgramStep) -> None:
        source = step.source
        for clock, row, column in self.sums(step):
            self.epilogue.append(clock)
            if isinstance(source, Context):
                multiplier = f"multiplier of {source.name}.{step.head}"
                self.reads.append((clock, ("reciprocals", 0, row), (multiplier, row, 0)))
                self.write(clock + 12, (source.output, row, step.head * self.columns + column))
                continue
            if isinstance(source, Linear) and source.residual is not None:
                self.token_residual.append(clock)
                self.read(clock, (source.residual, row, column))
            if source.output != self.model.output:
                self.write(clock + 12, (source.output, row, column))

    def softmax(self, step: ProgramStep) -> None:
        """A row is handed on 4 clocks after its last score, and its division comes after that."""
        source = step.source
        context = next(
            s for s in self.model.steps if isinstance(s, Context) and s.operand == source.output
        )
        for clock, row, column in self.sums(step):
            if column < step.columns - 1:
                continue
            for i in range(step.columns):
                self.epilogue.append(clock + 4 + i)
                self.write(clock + 4 + i + 14, (source.output, step.head * step.rows + row, i))
            divides = clock + 4 + step.columns - 1 + 15
            self.divisions.append(divides)
            multiplier = f"multiplier of {context.name}.{step.head}"
            self.writes["reciprocals", 0, row].append((divides + 17, (multiplier, row, 0)))
