"""An encoder-only Transformer with batch norm. Every part has an integer counterpart."""

import math
from dataclasses import replace
from typing import cast

import numpy as np
import torch
from torch import Tensor, nn
from torch.nn import functional

from narrowcast.config import Config, shape_of
from narrowcast.data import Scaling
from narrowcast.integer.builder import GraphSpec, LinearSpec, ScoresSpec, Shape, transformer
from narrowcast.integer.readings import positions_of_series
from narrowcast.model.forecaster import Forecaster
from narrowcast.model.norm import BatchRenorm
from narrowcast.model.stream import absent, kept


def sinusoids(window: int, channels: int) -> Tensor:
    """Return the positional encoding [window, channels] of Vaswani et al. (2017), section 3.5."""
    even = torch.arange(0, channels, 2)
    angle = torch.arange(window)[:, None] * torch.exp(-math.log(10_000.0) * even / channels)
    both: Tensor = torch.stack((angle.sin(), angle.cos()), dim=-1).flatten(1)
    return both[:, :channels]


def slopes(heads: int, keys: int) -> Tensor:
    """Return biases by age [heads, keys], the newest key last.

    They are those of Press et al., "Train short, test long" (2022): minus the age times
    2^(-8 (head + 1) / heads).
    """
    slope = 2.0 ** (-8.0 * torch.arange(1, heads + 1) / heads)
    return -slope[:, None] * torch.arange(keys - 1, -1, -1)


def split_heads(x: Tensor, heads: int) -> Tensor:
    """[windows, rows, heads * size] -> [windows, heads, rows, size]."""
    return x.view(*x.shape[:2], heads, -1).transpose(1, 2)


def join_heads(x: Tensor) -> Tensor:
    """[windows, heads, rows, size] -> [windows, rows, heads * size]."""
    return x.transpose(1, 2).flatten(2)


def _linear(graph: GraphSpec, name: str) -> nn.Linear:
    """Return an untrained linear layer with the size of a product of the graph."""
    product = next(each for each in graph.operations if each.name == name)
    operand, output = graph.tensors[product.operand], graph.tensors[product.output]
    assert isinstance(product, LinearSpec)
    return nn.Linear(product.kernel * operand.columns, output.columns)


def arranged(window: Tensor, shape: Shape) -> Tensor:
    """Return what the rows of the input's tensor have, of windows [windows, n, m]."""
    if not shape.series:
        return window
    rows, columns = window.shape[1:]
    at = positions_of_series(rows, columns, shape.rows, shape.shared)
    return window.flatten(1)[:, torch.from_numpy(at)]


def convolved(x: Tensor, product: LinearSpec, rows: int) -> Tensor:
    """Return what each row of a product reads, [windows, rows, kernel * columns]."""
    if product.kernel == product.stride == 1:
        return x[:, product.operand_row : product.operand_row + rows]
    read = x[:, product.operand_row :].unfold(1, product.kernel, product.stride)[:, :rows]
    return read.transpose(2, 3).flatten(2)


class Layer(nn.Module):
    """Post-norm encoder layer: ``y = BN(x + f(x))`` with attention, then with the FFN.

    Attributes:
        heads: Number of heads.
        rows: Number of tokens, the last ones of its input, that it computes.
        keys: Number of tokens that each one attends to.
        bias: Biases of the scores [heads, keys] of a stream, by age; None for windows.
    """

    def __init__(
        self,
        graph: GraphSpec,
        prefix: str,
        heads: int,
        dropout: float,
        norm: type[nn.BatchNorm1d],
    ) -> None:
        """Make an untrained layer for the graph's products ``<prefix>.<name>``."""
        super().__init__()
        self.heads = heads
        self.rows = graph.tensors[f"{prefix}.query.output"].rows
        self.keys = graph.tensors[f"{prefix}.scores.output"].columns
        scores = next(each for each in graph.operations if each.name == f"{prefix}.scores")
        assert isinstance(scores, ScoresSpec)
        self.bias = nn.Parameter(slopes(heads, self.keys)) if scores.bias else None
        self.dropout = dropout
        self.key = _linear(graph, f"{prefix}.key")
        self.query = _linear(graph, f"{prefix}.query")
        self.value = _linear(graph, f"{prefix}.value")
        self.attention_out = _linear(graph, f"{prefix}.attention_out")
        self.attention_norm = norm(self.attention_out.out_features)
        self.ffn_up = _linear(graph, f"{prefix}.ffn_up")
        self.ffn_down = _linear(graph, f"{prefix}.ffn_down")
        self.ffn_norm = norm(self.ffn_down.out_features)

    def forward(
        self,
        x: Tensor,
        missing: Tensor | None = None,
        wanted: Tensor | None = None,
        ahead: Tensor | float = 0.0,
    ) -> Tensor:
        """[windows, n, d] -> [windows, n, d], or of the last token only [windows, 1, d].

        In a stream, [inferences, 1, d] -> [inferences, 1, d], of all inferences or of those that
        are wanted. ``missing`` [inferences, keys] says which tokens do not exist yet for these, and
        ``ahead`` is added to the tokens that are computed.
        """
        computed = x[:, -self.rows :] if wanted is None else x[wanted, -self.rows :]
        query, key, value = self.query(computed), self.key(x), self.value(x)
        mask = None
        if self.bias is not None and missing is not None:
            key, value = (kept(each, self.keys, wanted) for each in (key, value))
            mask = self.bias[:, None].masked_fill(missing[:, None, None], -math.inf)
        query, key, value = (split_heads(each, self.heads) for each in (query, key, value))
        context = join_heads(functional.scaled_dot_product_attention(query, key, value, mask))
        x = self._join(computed + ahead, self.attention_out(context), self.attention_norm)
        return self._join(x, self.ffn_down(functional.relu(self.ffn_up(x))), self.ffn_norm)

    def _join(self, x: Tensor, branch: Tensor, norm: nn.Module) -> Tensor:
        y = x + functional.dropout(branch, self.dropout, self.training)
        normed: Tensor = norm(y.flatten(0, 1))
        return normed.view_as(y)


class Transformer(Forecaster):
    """A forecaster: embedding, encoder layers, linear head of the last token or of their mean.

    With ``shape.series`` each token is a series, and each has forecasts of its own: a linear map of
    its readings, and the head, whose weights are those of all tokens.

    If ``shape.relative`` names the input of each target, the head adds the last row's value of that
    input, multiplied by ``gain``. The rest of the network then forecasts a change. Linear maps of
    the further inputs, those of ``shape.further``, are added, too. Values known ahead are also part
    of the tokens that the last layer computes.

    If the results are differences from the newest rows of the window, ``shape.compared``, these are
    subtracted, each column multiplied by its factor in ``unit``.

    A stream has one token at a time. Each layer keeps the keys and values of the last ones, and has
    a bias by age in place of the positions of the tokens.

    Attributes:
        shape: Size of the network.
        terms: The products of further inputs that are added to the forecasts of each target, and
            the inputs that they read.
        graph: Tensors and operations, not folded, which define the sizes of the layers.
        unit: Factors [results] of the rows that are subtracted.
    """

    unit: Tensor

    def __init__(self, shape: Shape, *, dropout: float = 0.0) -> None:
        """Make an untrained network. ``dropout`` applies to the residual branches."""
        super().__init__()
        self.shape = shape
        self.graph = transformer(replace(shape, fold=False, decision=None))
        self.embed = _linear(self.graph, "embed")
        self.reach, self.lead = shape.reach, shape.lead
        windowed = shape.kind == "window"
        positions = sinusoids(shape.tokens, shape.channels)
        self.position = nn.Parameter(positions) if windowed else None
        norm = BatchRenorm if self.reach > self.lead else nn.BatchNorm1d  # batches of segments
        self.layers = nn.ModuleList(
            Layer(self.graph, f"layers.{i}", shape.heads, dropout, norm)
            for i in range(shape.layers)
        )
        forecasts = shape.results * shape.forecasts
        self.head = nn.Linear(shape.channels, forecasts)
        self.terms = [shape.terms(target) for target in range(shape.results)]
        self.further = nn.ModuleDict(
            {product: _linear(self.graph, product) for terms in self.terms for product in terms}
        )
        for parameter in self.further.parameters():
            nn.init.zeros_(parameter)
        self.embed_ahead = _linear(self.graph, "embed_ahead") if shape.embeds_known else None
        adds_last = shape.relative and not shape.series
        self.gain = nn.Parameter(torch.ones(forecasts)) if adds_last else None
        if shape.compared:
            self.register_buffer("unit", torch.ones(forecasts))

    def forward(
        self,
        x: Tensor,
        *further: Tensor,
        restart: Tensor | None = None,
        wanted: Tensor | None = None,
    ) -> Tensor:
        """[windows, n, m], and [windows, 1, ...] of further inputs -> [windows, forecasts]."""
        readings = x.to(self.embed.weight.dtype)
        embedding = self.graph.operations[0]
        assert isinstance(embedding, LinearSpec)
        tokens = arranged(readings, self.shape)
        x = self.embed(convolved(tokens, embedding, self.shape.tokens))
        missing = None
        if self.position is None:
            none = torch.zeros(len(x), dtype=torch.bool)
            missing = absent(none if restart is None else restart, self.shape.window)
        else:
            x = x + self.position
        *lower, last_layer = self.layers
        for layer in lower:
            x = layer(x, missing)
        if wanted is not None:
            missing = None if missing is None else missing[wanted]
            readings, further = readings[wanted], tuple(each[wanted] for each in further)
        given = dict(zip(self.shape.further, further, strict=True))
        ahead = 0.0 if self.embed_ahead is None else self.embed_ahead(given["known"].to(x.dtype))
        x = last_layer(x, missing, wanted, ahead)
        if self.shape.series:
            (terms,) = self.terms
            of_each: Tensor = self.head(x)
            for product, name in terms.items():
                operand = given[name].to(x.dtype) if name in given else tokens
                of_each = of_each + self.further[product](operand)
            return of_each.flatten(1)
        forecast: Tensor = self.head(x.mean(dim=1))  # of one token if the last layer computes one
        if self.gain is not None:
            last = readings[:, -1, list(self.shape.relative)]
            forecast = forecast + self.gain * last.repeat_interleave(self.shape.forecasts, dim=1)
        if self.shape.compared:
            newest = readings[:, -self.shape.compared :, list(self.shape.monitored)]
            forecast = forecast - self.unit * newest.flatten(1)
        if given:
            forecast = forecast + torch.cat(
                [
                    sum(
                        self.further[product](given[name].to(x.dtype)[:, 0])
                        for product, name in terms.items()
                    )
                    for terms in self.terms
                ],
                dim=1,
            )
        return forecast

    @torch.no_grad()
    def scale_results(self, factors: Tensor) -> None:
        """Multiply the results, which are differences, by factors [results]."""
        self.head.weight.mul_(factors[:, None])
        self.head.bias.mul_(factors)
        self.unit.mul_(factors)

    @torch.no_grad()
    def start_from_last(self, inputs: Scaling, target: Scaling) -> Tensor:
        """Initialise a relative model such that it forecasts the last known value.

        Returns:
            Gains [steps of all targets], which convert values from an input's scaled units to a
            target's. Series have the same scaling in both.
        """
        i = np.repeat(self.shape.relative, self.shape.outputs)
        gain = torch.from_numpy(inputs.scale[i] / target.scale)
        if self.gain is None:
            own = cast(nn.Linear, self.further["own"])
            own.weight.zero_()
            own.weight[:, self.shape.window - 1] = 1.0
            for each in (self.head.weight, self.head.bias):
                each.zero_()
            return gain.float()
        bias = torch.from_numpy((inputs.offset[i] - target.offset) / target.scale)
        self.head.weight.zero_()
        self.gain.copy_(gain.repeat_interleave(self.shape.quantiles))
        self.head.bias.copy_(bias.repeat_interleave(self.shape.quantiles))
        return gain.float()


def build(config: Config, dropout: float = 0.0) -> Transformer:
    """Return the untrained model that a configuration describes."""
    return Transformer(shape_of(config), dropout=dropout)
