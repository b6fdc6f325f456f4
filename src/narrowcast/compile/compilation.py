"""Intermediate results of the compilation of a graph for a device, each computed once."""

from dataclasses import dataclass, field
from functools import cached_property

from narrowcast.compile.images import Images, Parameters
from narrowcast.compile.lanes import LaneArray, largest_groups, modes_of
from narrowcast.compile.program import EngineGraph, ProgramStep, Schedule, lay_out
from narrowcast.compile.schedule import draws, schedule
from narrowcast.compile.widths import widths
from narrowcast.targets.device import Device


@dataclass(eq=False)
class Compilation:
    """The compilation of a graph for a device.

    Attributes:
        graph: The graph.
        device: The device.
    """

    graph: EngineGraph
    device: Device
    _steps: dict[LaneArray, tuple[ProgramStep, ...]] = field(default_factory=dict)
    _schedules: dict[tuple[LaneArray, bool], Schedule] = field(default_factory=dict)
    _parameters: dict[tuple[int, int], Parameters] = field(default_factory=dict)
    _widths: dict[int, dict[str, int]] = field(default_factory=dict)

    @cached_property
    def lane_bits(self) -> int:
        """Width of the widest lane operand."""
        return max(each.w_bits for each in self.graph.analysis.operands.values())

    @cached_property
    def field(self) -> int:
        """Position of the upper product in a pair of lanes; 0 without DSP blocks."""
        block = self.device.dsp_block
        return block.wide - self.lane_bits if block is not None else 0

    @cached_property
    def groups(self) -> dict[str, int]:
        """Number of products of each step that a pair of lanes sums up in the DSP block."""
        if self.field <= 0:
            return dict.fromkeys(self.graph.analysis.operands, 0)
        return largest_groups(self.graph.analysis, self.field)

    def steps(self, array: LaneArray) -> tuple[ProgramStep, ...]:
        """Return the steps of the program on an array of lanes."""
        if array not in self._steps:
            self._steps[array] = lay_out(self.graph, array, self.groups)
        return self._steps[array]

    def schedule(self, array: LaneArray, *, thorough: bool = False) -> Schedule:
        """Return the program's schedule on an array of lanes.

        Raises:
            UserError: The program has too many jobs, or some wait for each other.
        """
        steps = self.steps(array)
        thorough = thorough and draws(steps) > 0
        key = array, thorough
        if key not in self._schedules:
            self._schedules[key] = schedule(self.graph, array, steps, thorough=thorough)
        return self._schedules[key]

    def parameters(self, ways: int, at_once: int = 1) -> Parameters:
        """Return the parameters of the model other than weights, see ``Parameters.of``."""
        key = ways, at_once
        if key not in self._parameters:
            self._parameters[key] = Parameters.of(self.graph, ways, at_once)
        return self._parameters[key]

    def widths(self, ways: int) -> dict[str, int]:
        """Return the widths of the engine's numbers."""
        if ways not in self._widths:
            self._widths[ways] = widths(self.graph, self.parameters(ways))
        return self._widths[ways]

    def images(self, array: LaneArray, *, loaded: bool = False) -> Images:
        """Return the images of the memories for an array of lanes; a host may load the weights."""
        modes = modes_of(self.graph.analysis, array, self.groups)
        parameters = self.parameters(array.ways, array.at_once)
        return Images.of(self.graph, array, modes, parameters, loaded=loaded)
