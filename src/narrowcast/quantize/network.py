"""The Transformer with quantised tensors, up to the results that a decision is made from.

In train mode it computes real numbers with fake quantisation. In eval mode it exports itself to an
integer model, and the executor of integer models computes the results.
"""

from collections.abc import Callable, Iterator
from dataclasses import replace
from typing import cast

import torch
from torch import Tensor, nn

from narrowcast.integer.builder import (
    AppendSpec,
    ArgMaxSpec,
    ContextSpec,
    GraphSpec,
    L1NormSpec,
    LinearSpec,
    OperationSpec,
    RowSumSpec,
    ScoresSpec,
    transformer,
    weight_name,
)
from narrowcast.integer.execute import forecast
from narrowcast.integer.model import Affine, Forecast, Input, IntegerModel, Operation, Output
from narrowcast.integer.model import Tensor as IntegerTensor
from narrowcast.model.examples import Inputs
from narrowcast.model.forecaster import Forecaster
from narrowcast.model.stream import absent, kept
from narrowcast.model.transformer import Transformer, arranged
from narrowcast.quantize.fake_quantise import ActivationQuantiser
from narrowcast.quantize.fold import biases, folded
from narrowcast.quantize.input_range import Levels, covered
from narrowcast.quantize.precision import Precision
from narrowcast.quantize.steps import (
    Arrays,
    QuantisedAppend,
    QuantisedContext,
    QuantisedLinear,
    QuantisedRowSum,
    QuantisedScores,
    Step,
)

_TERMS = 4.0  # range of a term of the forecast, in units of that of the forecast
# Anomalies exceed all of the training part. Keys and values, as narrow as weights, need no room.
_ROOM = 2.0


def _operands(spec: OperationSpec) -> tuple[str, ...]:
    """Return the tensors that an operation reads."""
    match spec:
        case LinearSpec(residual=str(residual)):
            return spec.operand, residual
        case ScoresSpec():
            return spec.operand, spec.key
        case ContextSpec():
            return spec.operand, spec.value
        case _:
            return (spec.operand,)


def _lasting(graph: GraphSpec) -> set[str]:
    """Return the tensors that rows of states are made of, all of which a stream needs."""
    found: set[str] = set()
    for spec in reversed(graph.operations):
        if isinstance(spec, AppendSpec) or spec.output in found:
            found |= set(_operands(spec))
    return found - set(graph.inputs)


class QuantisedTransformer(Forecaster):
    """A Transformer for quantisation-aware training. In eval mode it is the integer model.

    Attributes:
        shape: Size of the network.
        graph: Tensors and operations.
        factors: Divisors of the columns of the scaled input [m].
        inputs: Quantisers of the inputs, that of the window first.
        operations: A :class:`Step` for each operation, in order of execution.
    """

    factors: Tensor

    def __init__(
        self, source: Transformer, precision: Precision, factors: Tensor | None = None
    ) -> None:
        """Copy the parameters of ``source``; :meth:`calibrate` then sets integers and ranges.

        Args:
            source: The float model.
            precision: Widths and schemes.
            factors: Divisors of the input's columns, see :func:`balance`; all 1 unless given.
        """
        super().__init__()
        factors = torch.ones(source.shape.inputs) if factors is None else factors
        self.register_buffer("factors", factors)
        self.shape = replace(source.shape, decision=None)
        self.reach, self.lead = source.reach, source.lead
        self.graph = transformer(self.shape)
        self._lasting = _lasting(self.graph)
        parameters, by_age = folded(source, factors), biases(source)

        def quantiser(name: str) -> ActivationQuantiser:
            return ActivationQuantiser(
                self.graph.tensors[name], precision.bits[name], precision.scheme(name)
            )

        self.inputs = nn.ModuleList(map(quantiser, self.graph.inputs))
        self.operations = nn.ModuleList()
        for spec in self.graph.operations:
            step: Step
            match spec:
                case LinearSpec():
                    bits = precision.bits[weight_name(spec)]
                    output = quantiser(spec.output)
                    step = QuantisedLinear(spec, parameters[spec.name], bits, output)
                case RowSumSpec():
                    step = QuantisedRowSum(spec)
                case AppendSpec():
                    step = QuantisedAppend(spec, self.graph.tensors[spec.output].rows)
                case ScoresSpec():
                    step = QuantisedScores(spec, by_age.get(spec.name), quantiser(spec.output))
                case ContextSpec():
                    step = QuantisedContext(spec, quantiser(spec.output))
                case ArgMaxSpec() | L1NormSpec():
                    raise AssertionError(f"{spec.name}: decisions are made of the results")
            self.operations.append(step)

    def steps(self) -> Iterator[Step]:
        """Yield the steps in order of execution."""
        for step in self.operations:
            yield cast(Step, step)

    def activations(self) -> Iterator[ActivationQuantiser]:
        """Yield the quantisers of all quantised tensors, those of the inputs first."""
        yield from self._input_quantisers()
        for step in self.steps():
            if not isinstance(step, QuantisedRowSum | QuantisedAppend):
                yield step.output

    def _input_quantisers(self) -> Iterator[ActivationQuantiser]:
        for each in self.inputs:
            yield cast(ActivationQuantiser, each)

    def forward(
        self, *inputs: Tensor, restart: Tensor | None = None, wanted: Tensor | None = None
    ) -> Tensor:
        """Return forecasts [windows, forecasts]; in eval mode the same as :meth:`evaluate`."""
        if not self.training:
            forecasts = self.evaluate(*inputs, restart=restart)
            return forecasts if wanted is None else forecasts[wanted]
        window, *further = (each.float() for each in inputs)
        divided = arranged(window / self.factors, self.shape), *further
        tensors: dict[str, Tensor] = {
            name: quantiser(x.expand(-1, self.graph.tensors[name].rows, -1))
            for name, quantiser, x in zip(self.graph.inputs, self.inputs, divided, strict=True)
        }
        missing = None
        if self.reach:
            none = torch.zeros(len(window), dtype=torch.bool)
            missing = absent(none if restart is None else restart, self.shape.window)
        if wanted is None:
            for step in self.steps():
                tensors[step.spec.output] = step(tensors, missing)
        else:
            tensors = self._of_wanted(tensors, missing, wanted)
        return torch.cat([tensors[name].flatten(1) for name in self.graph.outputs], dim=1)

    def _of_wanted(
        self, tensors: dict[str, Tensor], missing: Tensor | None, wanted: Tensor
    ) -> dict[str, Tensor]:
        """Return tensors of some inferences only.

        Args:
            tensors: Inputs, to which what states are made of is added.
            missing: Which rows of the states are absent.
            wanted: Indices of the inferences.
        """
        found: dict[str, Tensor] = {}
        absent_there = None if missing is None else missing[wanted]
        for step in self.steps():
            output = step.spec.output
            if output in self._lasting:
                tensors[output] = step(tensors, missing)
            elif isinstance(step, QuantisedAppend):
                found[output] = kept(tensors[step.spec.operand], step.rows, wanted)
            else:
                for name in _operands(step.spec):
                    if name not in found:
                        found[name] = tensors[name][wanted]
                found[output] = step(found, absent_there)
        return found

    def evaluate(self, *inputs: Tensor, restart: Tensor | None = None) -> Tensor:
        """Forecast with the integer model, in train mode as well.

        Each call exports the integer model, so evaluate all windows in one call.

        Args:
            inputs: Scaled readings of each input [windows, rows, columns].
            restart: Which inferences of a stream begin a stretch; see :class:`Forecaster`.

        Returns:
            Scaled forecasts [windows, forecasts], in float64.
        """
        readings = (x.double().numpy() for x in inputs)
        begins = None if restart is None else restart.numpy()
        return torch.from_numpy(forecast(self.export(), *readings, restart=begins))

    def export(self) -> IntegerModel:
        """Return the integer model, from scaled readings to scaled forecasts."""
        tensors = {each.name: each.tensor() for each in self._input_quantisers()}
        operations: list[Operation] = []
        arrays: Arrays = {}
        for step in self.steps():
            tensors[step.spec.output] = step.tensor(tensors)
            operation, exported = step.export(tensors)
            operations.append(operation)
            arrays |= exported
        scaled = Affine((0.0,) * self.shape.forecasts, (1.0,) * self.shape.forecasts)
        return IntegerModel(
            inputs=tuple(self._input(tensors[name]) for name in self.graph.inputs),
            outputs=tuple(
                Output(name, (Forecast(name, scaled),) * self.graph.tensors[name].rows)
                for name in self.graph.outputs
            ),
            tensors=tensors,
            operations=tuple(operations),
            arrays=arrays,
        )

    def _input(self, tensor: IntegerTensor) -> Input:
        """Return an input of the integer model that takes scaled readings."""
        window = tensor.name == self.graph.inputs[0]
        divisors = tuple(self.factors.tolist()) if window else (1.0,) * tensor.columns
        columns = tuple(f"x{i}" for i in range(len(divisors)))
        scaling = Affine((0.0,) * len(divisors), divisors)
        shared = self.shape.shared if window else tensor.columns
        series = self.shape.series
        return Input(tensor.name, columns, scaling, shared=shared if series else None)

    @torch.no_grad()
    def calibrate(
        self,
        inputs: Inputs,
        target: Tensor,
        levels: Levels = (),
        growth: float = 1.0,
        restart: Tensor | None = None,
    ) -> None:
        """Choose the integers of all weights, and all schemes and ranges, in order of execution.

        Args:
            inputs: Scaled training readings of each input.
            target: Scaled training targets [windows, steps of all targets], or results of the float
                model. The range of those of a target, extended by half of it on either side,
                becomes the range of its result; terms of it have a wider one. Differences have the
                range of the readings.
            levels: Lowest and highest level of each target's column that the input has to cover, in
                scaled units, if the model forecasts changes: clipping of a last known value is an
                error of the forecast. The default are the levels of ``inputs``.
            growth: Factor by which inputs and results may exceed those of training. Above 1, the
                ranges of the inputs cover all of ``inputs`` and are not learned.
            restart: Which inferences of a stream begin a stretch.
        """
        results = {each.name: each for each in self.activations()}
        steps = self.shape.outputs * self.shape.targets // self.shape.results
        for i, of_target in enumerate(torch.split(target, steps, dim=1)):
            margin = 0.5 * float(of_target.max() - of_target.min())
            lowest, highest = float(of_target.min()) - margin, float(of_target.max()) + margin
            *terms, last = self.shape.forecast(i)
            for name in (*terms, last):
                factor = growth if name == last else growth * _TERMS
                results[f"{name}.output"].set_range(factor * lowest, factor * highest)
        window, *further = inputs
        quantisers = list(self._input_quantisers())
        if growth > 1:
            for quantiser, x in zip(quantisers, (window / self.factors, *further), strict=True):
                quantiser.cover(growth * float(x.min()), growth * float(x.max()))
        if self.shape.compared:
            # A difference may be as large as a reading.
            largest = quantisers[0].largest * self._largest_factor()
            for name in self.shape.forecast(0):
                results[f"{name}.output"].set_range(-largest, largest)
            for each in self.activations():
                each.room = _ROOM if each.free else 1.0
        if self.shape.relative:
            columns = [window[..., each] for each in self.shape.relative]
            levels = levels or [(float(each.min()), float(each.max())) for each in columns]
            quantisers[0].cover(*covered(self.factors, self.shape.relative, levels))
        hooks = [
            step.register_forward_pre_hook(lambda _, given, step=step: step.calibrate(given[0]))
            for step in self.steps()
            if isinstance(step, QuantisedLinear) and step.spec.learnt
        ]
        try:
            self.observe(inputs, ActivationQuantiser.calibrate, restart)
        finally:
            for hook in hooks:
                hook.remove()

    def _largest_factor(self) -> float:
        """Return the largest weight of a row that is subtracted."""
        (actual,) = (step for step in self.steps() if step.spec.name == "actual")
        assert isinstance(actual, QuantisedLinear)
        return float(actual.exact.weight.abs().max())

    def review(self, inputs: Inputs, restart: Tensor | None = None) -> bool:
        """Repeat the decisions of all adaptive schemes; return whether one has changed."""
        before = [int(each.zero_point) for each in self.activations()]
        self.observe(inputs, ActivationQuantiser.review, restart)
        return before != [int(each.zero_point) for each in self.activations()]

    @torch.no_grad()
    def observe(
        self,
        inputs: Inputs,
        observer: Callable[[ActivationQuantiser, Tensor], None],
        restart: Tensor | None = None,
    ) -> None:
        """Call ``observer`` with all tensors for scaled readings, as computed in train mode."""
        training = self.training
        self.train()
        for each in self.activations():
            each.observer = observer
        self(*inputs, restart=restart)
        for each in self.activations():
            each.observer = None
        self.train(training)
