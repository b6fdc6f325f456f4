"""The Transformer with quantised tensors.

In train mode it computes real numbers with fake quantisation. In eval mode it exports itself to an
integer model, and the executor of integer models computes the results.
"""

from collections.abc import Callable, Iterator
from typing import cast

import torch
from torch import Tensor, nn

from narrowcast.integer.builder import ContextSpec, LinearSpec, RowSumSpec, ScoresSpec, weight_name
from narrowcast.integer.execute import forecast
from narrowcast.integer.model import Affine, Forecast, Input, IntegerModel, Operation, Output
from narrowcast.model.forecaster import Forecaster
from narrowcast.model.transformer import Transformer
from narrowcast.quantize.fake_quantise import ActivationQuantiser
from narrowcast.quantize.fold import folded
from narrowcast.quantize.precision import Precision
from narrowcast.quantize.steps import (
    Arrays,
    QuantisedContext,
    QuantisedLinear,
    QuantisedRowSum,
    QuantisedScores,
    Step,
)


class QuantisedTransformer(Forecaster):
    """A Transformer for quantisation-aware training. In eval mode it is the integer model.

    Attributes:
        shape: Size of the network.
        graph: Tensors and operations.
        factors: Divisors of the columns of the scaled input [m].
        input: Quantiser of the input.
        operations: A :class:`Step` for each operation, in order of execution.
    """

    factors: Tensor

    def __init__(
        self, source: Transformer, precision: Precision, factors: Tensor | None = None
    ) -> None:
        """Copy the parameters of ``source``; :meth:`calibrate` then sets the ranges.

        Args:
            source: The float model.
            precision: Widths and schemes.
            factors: Divisors of the input's columns, see :func:`balance`; all 1 unless given.
        """
        super().__init__()
        factors = torch.ones(source.shape.inputs) if factors is None else factors
        self.register_buffer("factors", factors)
        self.shape = source.shape
        self.graph = source.graph
        parameters = folded(source, factors)

        def quantiser(name: str) -> ActivationQuantiser:
            return ActivationQuantiser(
                self.graph.tensors[name], precision.bits[name], precision.scheme(name)
            )

        self.input = quantiser(self.graph.inputs[0])
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
                case ScoresSpec():
                    step = QuantisedScores(spec, quantiser(spec.output))
                case ContextSpec():
                    step = QuantisedContext(spec, quantiser(spec.output))
            self.operations.append(step)

    def steps(self) -> Iterator[Step]:
        """Yield the steps in order of execution."""
        for step in self.operations:
            yield cast(Step, step)

    def activations(self) -> Iterator[ActivationQuantiser]:
        """Yield the quantisers of all quantised tensors, that of the input first."""
        yield self.input
        for step in self.steps():
            if not isinstance(step, QuantisedRowSum):
                yield step.output

    def forward(self, x: Tensor) -> Tensor:
        """[windows, n, m] -> [windows, outputs]; in eval mode the same as :meth:`evaluate`."""
        if not self.training:
            return self.evaluate(x)
        tensors: dict[str, Tensor] = {self.input.name: self.input(x.float() / self.factors)}
        for step in self.steps():
            tensors[step.spec.output] = step(tensors)
        return tensors[self.graph.outputs[0]][:, 0]

    def evaluate(self, x: Tensor) -> Tensor:
        """Forecast with the integer model, in train mode as well.

        Each call exports the integer model, so evaluate all windows in one call.

        Args:
            x: Scaled readings [windows, n, m].

        Returns:
            Scaled forecasts [windows, outputs], in float64.
        """
        return torch.from_numpy(forecast(self.export(), x.double().numpy()))

    def export(self) -> IntegerModel:
        """Return the integer model, from scaled readings to scaled forecasts."""
        tensors = {self.input.name: self.input.tensor()}
        operations: list[Operation] = []
        arrays: Arrays = {}
        for step in self.steps():
            tensors[step.spec.output] = step.tensor(tensors)
            operation, exported = step.export(tensors)
            operations.append(operation)
            arrays |= exported
        source, result = tensors[self.graph.inputs[0]], tensors[self.graph.outputs[0]]
        return IntegerModel(
            inputs=(
                Input(
                    source.name,
                    tuple(f"x{i}" for i in range(source.columns)),
                    Affine((0.0,) * source.columns, tuple(self.factors.tolist())),
                ),
            ),
            outputs=(
                Output(
                    result.name,
                    Forecast("y", Affine((0.0,) * result.columns, (1.0,) * result.columns)),
                ),
            ),
            tensors=tensors,
            operations=tuple(operations),
            arrays=arrays,
        )

    @torch.no_grad()
    def calibrate(
        self,
        inputs: Tensor,
        target: Tensor,
        levels: tuple[float, float] | None = None,
        growth: float = 1.0,
    ) -> None:
        """Choose the schemes and ranges of all tensors, in order of execution.

        Args:
            inputs: Scaled training windows [windows, n, m].
            target: Scaled training targets [windows, outputs]. Their range, extended by half of it
                on either side, becomes the range of the result.
            levels: Lowest and highest level of the target's column that the input has to cover, in
                scaled units, if the model forecasts a change: clipping of the last known value is
                an error of the forecast. The default are the levels of ``inputs``.
            growth: Factor by which inputs and results may exceed those of training. Above 1, the
                range of the input covers all of ``inputs`` and is not learned.
        """
        (result,) = (each for each in self.activations() if each.name == self.graph.outputs[0])
        margin = 0.5 * float(target.max() - target.min())
        lowest, highest = float(target.min()) - margin, float(target.max()) + margin
        result.set_range(growth * lowest, growth * highest)
        if growth > 1:
            readings = inputs / self.factors
            self.input.cover(growth * float(readings.min()), growth * float(readings.max()))
        if self.shape.relative is not None:
            column = inputs[..., self.shape.relative]
            lowest, highest = levels or (float(column.min()), float(column.max()))
            factor = float(self.factors[self.shape.relative])
            self.input.cover(lowest / factor, highest / factor)
        self.observe(inputs, ActivationQuantiser.calibrate)

    def review(self, inputs: Tensor) -> bool:
        """Repeat the decisions of all adaptive schemes; return whether one has changed."""
        before = [int(each.zero_point) for each in self.activations()]
        self.observe(inputs, ActivationQuantiser.review)
        return before != [int(each.zero_point) for each in self.activations()]

    @torch.no_grad()
    def observe(
        self, inputs: Tensor, observer: Callable[[ActivationQuantiser, Tensor], None]
    ) -> None:
        """Call ``observer`` with all tensors for scaled windows, as computed in train mode."""
        training = self.training
        self.train()
        for each in self.activations():
            each.observer = observer
        self(inputs)
        for each in self.activations():
            each.observer = None
        self.train(training)
