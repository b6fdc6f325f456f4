"""Checks a schedule clock by clock, by walking every access that the engine makes to its stores.

It knows the engine's pipeline (from the prose of the VHDL) and nothing of how the compiler came to
its waits: sequencer, collector and softmax are played here once more from the list of jobs, and
addresses and write times are worked out from the tensors' shapes.
"""

from bisect import bisect_right
from collections import defaultdict
from dataclasses import replace
from itertools import pairwise

from narrowcast.compile import Design
from narrowcast.compile.program import Job, ProgramStep, Store
from narrowcast.integer import ArgMax, Context, L1Norm, Linear, RowSum, Scores

Place = tuple[str, int, int, int]  # store, way, lane, address
Element = tuple[str, int, int]  # tensor, row, column

# Clocks of the pipeline. A "value" is a sum that enters the epilogue, or the softmax.
DONE = 6  # a tile's last operand pair is addressed -> its sums are complete; 7 in grouped arrays
INPUT = 2  # an input is taken -> it can be addressed
TOKEN = 3  # the last input of a token is taken -> its job is current
FETCH = 4  # a job is current, or a job's last column is taken -> so may the next one's
RESULT = 12  # value -> its result can be taken from the output
STORED = 13  # value -> its result can be addressed in a store
ADDED = 11  # value -> the pool reads what it adds to
POOL = 4  # ... -> the sum can be addressed in the pool
RUN = 17  # the last value of a row -> its running sum can take the place of the lanes' sums
SCORED = 1  # value -> the score is written
BELOW = 5  # the last score of a row -> the first difference enters the epilogue;
BIASED = 2  # so much later if scores have biases
EXPONENTIAL = 15  # a difference enters the epilogue -> its exponential can be addressed
DIVIDES = 16  # the last difference of a row -> its division begins
DIVISION = 17
RING = 16  # rows' multipliers that are kept
REGISTERS = 63  # results that registers hold; more lie in a memory,
BUFFER = 3  # from which they can be taken so many clocks later
NORM = 1  # the last number of a norm could be taken -> its score can be


class ScheduleChecker:
    """Collects accesses; ``check`` raises AssertionError on the first that cannot be right.

    With ``derive`` only the order of the jobs and their waits are taken from the schedule, as the
    engine does: when a job starts and when its sums leave is then what comes of them.
    """

    def __init__(self, design: Design, *, derive: bool = False) -> None:
        self.design, self.graph, self.derive = design, design.graph, derive
        self.model = design.graph.model
        self.array = design.array
        self.jobs: list[Job] = list(design.schedule.jobs)
        self.writes: dict[Place, list[tuple[int, Element]]] = defaultdict(list)
        self.reads: list[tuple[int, Place, Element]] = []
        self.epilogue: list[int] = []
        self.write_port: list[int] = []
        self.divisions: list[int] = []
        self.pool_adds: dict[tuple[str, int], list[tuple[int, tuple[int, ...]]]] = defaultdict(list)
        self.pool_reads: list[tuple[int, str, int]] = []
        steps = self.model.operations
        self.probabilities = {s.output: s for s in steps if isinstance(s, Scores)}
        self.value_heads = {s.value: s.heads for s in steps if isinstance(s, Context)}
        self.sums = {s.output: s.operand for s in steps if isinstance(s, RowSum)}
        self.summed = {s.operand for s in steps if isinstance(s, RowSum)}
        self.states = {state: name for name, state in design.graph.states.items()}
        biased = any(isinstance(s, Scores) and s.bias is not None for s in steps)
        self.below = BELOW + (BIASED if biased else 0)
        self.inputs = {each.tensor for each in self.model.inputs}
        decides = {s.output: s for s in steps if isinstance(s, ArgMax | L1Norm)}
        outputs = [each.tensor for each in self.model.outputs]
        self.ends = {decides[name].operand if name in decides else name for name in outputs}
        plain = sum(self.model.tensors[name].size for name in outputs if name not in decides)
        self.offered = RESULT + (BUFFER if plain > REGISTERS else 0)
        self.offered += NORM if isinstance(decides.get(outputs[-1]), L1Norm) else 0
        self.done_after = DONE + int(self.array.grouped)
        self.arrives: dict[Element, int] = {}  # clock in which an input is taken
        self.ends_of: dict[str, list[int]] = defaultdict(list)  # the last values of rows
        self.row_arrives: list[int] = []  # clock in which the last input of a row is taken

    # ---------------------------------------------------------------- where numbers lie

    def place(self, element: Element) -> Place:
        name, row, column = element
        if name in self.graph.states:  # of a state's rows only this one is written
            return self.graph.states[name], 0, 0, column
        ways, lanes, at_once = self.array.tokens, self.array.columns, self.array.at_once
        tensor, addresses = self.model.tensors[name], self.design.addresses
        if name in self.probabilities:
            head, at = divmod(row, tensor.rows // self.probabilities[name].heads)
            token = self.graph.tokens[name] + at
            base = addresses.rows[name, head, token // ways]
            return "scratch", token % ways + column % at_once, 0, base + column // at_once
        at, way = divmod(self.graph.tokens[name] + row, ways)
        match self.graph.stores[name]:
            case Store.KEYS:
                at = addresses.keys[name] + row // lanes * tensor.columns + column
                return "keys", 0, row % lanes, at
            case Store.VALUES:
                size = tensor.columns // self.value_heads[name]
                head, channel = divmod(column, size)
                block = head * -(-size // lanes) + channel // lanes
                rows = -(-tensor.rows // ways)
                return "values", way, channel % lanes, addresses.values[name] + block * rows + at
            case Store.INPUTS:
                place = addresses.inputs[name] + at * tensor.columns + column
                return "inputs", way + place % at_once, 0, place // at_once
            case store:
                base = addresses.rows[name, 0, at]
                return str(store), way + column % at_once, 0, base + column // at_once

    def write(self, readable: int, element: Element) -> None:
        self.writes[self.place(element)].append((readable, element))

    def read(self, clock: int, element: Element) -> None:
        name, _, column = element
        if name in self.states:
            element = self.states[name], 0, column
        self.reads.append((clock, self.place(element), element))

    # ---------------------------------------------------------------- all checks

    def check(self) -> None:
        clock = 0
        for tensor in self.model.input_tensors:
            for row in range(tensor.rows):
                for column in range(tensor.columns):
                    self.write(clock + INPUT, (tensor.name, row, column))
                    self.arrives[tensor.name, row, column] = clock
                    clock += 1
                self.row_arrives.append(clock - 1)
        self.check_rows()
        self.sequencer()
        self.collector()
        scored = 0
        for job in self.jobs:
            step = self.design.schedule.steps[job.step]
            self.operands(job, step)
            if isinstance(step.source, Scores):
                self.softmax(job, step, scored)
                scored += 1
            else:
                self.results(job, step)
        self.check_units()
        self.check_pool()
        self.check_accesses()
        self.check_collisions()
        if not self.derive:
            cycles = self.jobs[-1].values[-1] + self.offered + self.model.output_words
            assert cycles == self.design.cycles, f"{cycles} cycles, not {self.design.cycles}"

    def check_rows(self) -> None:
        """Every row of every step is one job's, in one way or one in each."""
        left = {
            (index, row)
            for index, step in enumerate(self.design.schedule.steps)
            for row in range(step.token, step.after)
        }
        for job in self.jobs:
            assert 1 <= len(job.rows) <= self.array.tokens
            assert len({row // self.array.tokens for row in job.rows}) == 1
            left -= {(job.step, row) for row in job.rows}
        assert not left, f"rows that no job makes: {sorted(left)[:5]}"
        rows = sum(len(job.rows) for job in self.jobs)
        assert rows == sum(step.rows for step in self.design.schedule.steps), "a row is made twice"

    def sequencer(self) -> None:
        """A job is current once its word is there and its inputs are; then it waits, then runs."""
        fetched = ends = awaited = 0
        for number, job in enumerate(self.jobs):
            step = self.design.schedule.steps[job.step]
            current = max(fetched, ends)
            awaited += job.needs
            if job.needs:
                current = max(current, self.row_arrives[awaited - 1] + TOKEN)
            assert job.wait >= 0 and step.tile_pause >= 0
            start = current + job.wait
            if self.derive:
                self.jobs[number] = replace(job, start=start)
            assert self.jobs[number].start == start, f"job {number} starts at {start}: {job}"
            fetched = current + FETCH
            ends = start + step.tiles * (step.inner + step.tile_pause) - step.tile_pause
        assert awaited == len(self.row_arrives), "rows of the inputs for which no job waits"

    def columns_of(self, step: ProgramStep, taken: int) -> range:
        """Return the columns of the result that are taken at once."""
        first = taken * self.array.at_once
        size = self.model.tensors[step.source.output].columns
        size //= step.source.heads if isinstance(step.source, Context) else 1
        return range(first, min(first + self.array.at_once, size))

    def tile_starts(self, job: Job, step: ProgramStep) -> list[int]:
        return [job.start + t * (step.inner + step.tile_pause) for t in range(step.tiles)]

    def collector(self) -> None:
        """Play the collector, clock by clock, as its VHDL says; compare ``job.values`` with it."""
        steps = self.design.schedule.steps
        done: dict[int, int] = {}  # clock -> columns of the tile
        for job in self.jobs:
            step, left = steps[job.step], steps[job.step].columns
            lanes = self.array.columns // step.mode.stride
            for start in self.tile_starts(job, step):
                clock = start + step.inner - 1 + self.done_after
                assert clock not in done
                done[clock] = min(lanes, left)
                left -= done[clock]
            assert left == 0, "a step's tiles do not hold its columns"
        number, taken = 0, list[int]()
        outer = inner = 0  # columns in the two sets of registers
        filled = -1  # the clock from which the inner set can be taken from
        prepared = 0  # the clock from which the next job's word is there
        hold: set[int] = set()
        clock, last = -1, max(done)
        while number < len(self.jobs):
            clock += 1
            step = steps[self.jobs[number].step]
            row_ends = inner == 1 and len(taken) == step.columns - 1
            free = bool(self.states) and isinstance(step.source, Scores)
            take = inner > 0 and clock >= filled and (free or clock not in hold)
            if take and (not row_ends or clock >= prepared):
                inner -= 1
                taken.append(clock)
                if row_ends:
                    if isinstance(step.source, Scores):
                        value = clock + 1
                        first = value + self.below - 1
                        hold |= set(range(first, first + step.columns + 2))
                    values = tuple(at + 1 for at in taken)
                    if self.derive:
                        self.jobs[number] = replace(self.jobs[number], values=values)
                    assert tuple(self.jobs[number].values) == values, f"job {number}: {values}"
                    number, taken, prepared = number + 1, [], clock + FETCH
            if outer and not inner:
                inner, outer, filled = outer, 0, clock + 1
            if clock in done:
                assert not outer, f"the collector is full at {clock}"
                outer = done[clock]
            waits = number < len(self.jobs) and clock > last and not (outer or inner)
            assert not waits, "the collector has nothing left to take"

    # ---------------------------------------------------------------- accesses

    def operands(self, job: Job, step: ProgramStep) -> None:
        source = step.source
        if step.running:  # what the lanes make of the first input is not used
            first = self.model.inputs[0].tensor
            self.read(job.start, (first, 0, 0))
            done = job.start + step.inner - 1 + self.done_after
            ends = max(self.ends_of[source.operand])
            assert done >= ends + RUN, f"{source.name} takes its sum too early"
            return
        lanes = self.array.columns // step.mode.stride
        for tile, start in enumerate(self.tile_starts(job, step)):
            columns = range(tile * lanes, min((tile + 1) * lanes, step.columns))
            for k in range(step.inner):
                clock = start + k
                element = k
                if isinstance(source, Scores):
                    element = step.head * step.inner + k
                    for key in [each for c in columns for each in self.columns_of(step, c)]:
                        self.read(clock, (source.key, key, element))
                elif isinstance(source, Context):
                    first = step.head * step.columns * self.array.at_once
                    for column in [each for c in columns for each in self.columns_of(step, c)]:
                        self.read(clock, (source.value, k, first + column))
                if source.operand in self.sums:
                    self.pool_reads.append((clock, self.sums[source.operand], element))
                    continue
                for token in job.rows:
                    row = token - self.graph.tokens[source.operand]
                    if isinstance(source, Linear) and source.operand in self.inputs:
                        columns = self.model.tensors[source.operand].columns
                        row = source.operand_row + (token - step.token) * source.stride
                        self.read(clock, (source.operand, row + k // columns, k % columns))
                        continue
                    if isinstance(source, Context):
                        row += step.head * step.rows
                    self.read(clock, (source.operand, row, element))

    def results(self, job: Job, step: ProgramStep) -> None:
        source = step.source
        self.ends_of[source.output].append(job.values[-1])
        first = 0
        if isinstance(source, Context):
            first = step.head * step.columns * self.array.at_once
            of_row = (f"multiplier of {source.operand}.{step.head}", job.rows[0], len(job.rows))
            for clock in job.values:
                self.reads.append((clock, ("ring", 0, 0, job.slot), of_row))
        self.epilogue += job.values
        taken = [(c, at) for i, at in enumerate(job.values) for c in self.columns_of(step, i)]
        for column, clock in taken:
            for token in job.rows:
                if isinstance(source, Linear) and source.residual is not None:
                    if source.residual_element is None:
                        row = token - self.graph.tokens[source.residual]
                        self.read(clock, (source.residual, row, column))
                    else:
                        taken = self.arrives[source.residual, *source.residual_element]
                        assert clock > taken, f"{source.name} adds an input that comes later"
                if source.output not in self.ends | self.summed:
                    row = token - step.token
                    self.write(clock + STORED, (source.output, row, first + column))
            if source.output in self.summed:
                self.pool_adds[source.output, column].append((clock + ADDED, job.rows))
        if source.output not in self.ends:
            self.write_port += [clock + STORED for clock in job.values]

    def softmax(self, job: Job, step: ProgramStep, number: int) -> None:
        """A row is handed on 5 clocks after its last score, and its division comes after that."""
        name, last = step.source.output, job.values[-1] + self.below - BELOW
        for column, clock in enumerate(job.values):  # a memory of two rows
            place, element = ("scores", 0, number % 2, column), (f"scores {number}", 0, column)
            self.writes[place].append((clock + self.below - BELOW + SCORED + 1, element))
            self.reads.append((last + SCORED + 1 + column, place, element))
            below = last + BELOW + column
            self.epilogue.append(below)
            self.write_port.append(below + EXPONENTIAL)
            for token in job.rows:
                row = step.head * step.rows + token - step.token
                for each in self.columns_of(step, column):
                    self.write(below + EXPONENTIAL, (name, row, each))
        divides = last + BELOW + step.columns - 1 + DIVIDES
        self.divisions.append(divides)
        of_row = (f"multiplier of {name}.{step.head}", job.rows[0], len(job.rows))
        self.writes["ring", 0, 0, number % RING].append((divides + DIVISION, of_row))

    # ---------------------------------------------------------------- what must not be

    def check_units(self) -> None:
        for name, unit in (("epilogue", self.epilogue), ("write port", self.write_port)):
            assert len(set(unit)) == len(unit), f"two numbers meet at the {name}"
        gaps = [b - a for a, b in pairwise(self.divisions)]
        assert all(gap > DIVISION for gap in gaps), "a row's division is cut short by the next"

    def check_pool(self) -> None:
        """One memory and one read port: a sum is read once it is whole, before the next begins."""
        for adds in self.pool_adds.values():
            rows = [each[1][0] for each in adds]
            assert rows[0] == min(rows), "the pool begins with another token than the first"
            for (before, _), (after, _) in pairwise(adds):
                assert after >= before + POOL, (
                    f"the pool adds to one channel at {before} and {after}"
                )
        every = [(clock, name) for (name, _), adds in self.pool_adds.items() for clock, _ in adds]
        for clock, name, channel in self.pool_reads:
            last = self.pool_adds[name, channel][-1][0]
            assert clock >= last + POOL, (
                f"channel {channel} of the pool is read at {clock} too early"
            )
            assert clock not in {at for at, _ in every}, "the pool adds while it is read"
            after_own = max(at for at, other in every if other == name)
            between = [other for at, other in every if after_own < at < clock]
            assert not between, f"the pool holds {between[0]} when {name} is read"

    def check_accesses(self) -> None:
        for place, accesses in self.writes.items():
            times = [readable for readable, _ in accesses]
            assert times == sorted(set(times)), f"{place} is written out of order"
        for clock, place, element in self.reads:
            accesses = self.writes[place]
            last = bisect_right(accesses, clock, key=lambda access: access[0]) - 1
            assert last >= 0, f"{element} is read at {clock} before {place} is written"
            assert accesses[last][1] == element, f"{element} at {clock}: {accesses[last]}"

    def check_collisions(self) -> None:
        """No word is read in the clock in which it is written; not even one that is not used."""
        written = {(place, at - 1) for place, writes in self.writes.items() for at, _ in writes}
        for clock, place, element in self.reads:
            for each in self.read_at_once(place):
                assert (each, clock) not in written, f"{each} is written while {element} is read"

    def read_at_once(self, place: Place) -> list[Place]:
        """Return the words that are read with this one: of all lanes, and of a row's halves."""
        store, way, lane, at = place
        if store in {"keys", "values"}:
            return [(store, way, each, at) for each in range(self.array.columns)]
        if self.array.split and store in {"inputs", "scratch", "tokens"}:
            return [(store, each, lane, at) for each in range(self.array.at_once)]
        return [place]
