"""An encoder-only Transformer with batch norm, whose every part has an integer counterpart."""

import math

import torch
from torch import Tensor, nn
from torch.nn import functional

from narrowcast.config import Config
from narrowcast.data import Scaling


def sinusoids(window: int, channels: int) -> Tensor:
    """Return the positional encoding [window, channels] of Vaswani et al. (2017), section 3.5."""
    even = torch.arange(0, channels, 2)
    angle = torch.arange(window)[:, None] * torch.exp(-math.log(10_000.0) * even / channels)
    both: Tensor = torch.stack((angle.sin(), angle.cos()), dim=-1).flatten(1)
    return both[:, :channels]


def split_heads(x: Tensor, heads: int) -> Tensor:
    """[windows, rows, heads * size] -> [windows, heads, rows, size]."""
    return x.view(*x.shape[:2], heads, -1).transpose(1, 2)


def join_heads(x: Tensor) -> Tensor:
    """[windows, heads, rows, size] -> [windows, rows, heads * size]."""
    return x.transpose(1, 2).flatten(2)


class Layer(nn.Module):
    """Post-norm encoder layer, twice ``y = BN(x + f(x))``: with attention, then with the FFN."""

    def __init__(self, channels: int, heads: int, ffn_channels: int, dropout: float) -> None:
        super().__init__()
        self.heads = heads
        self.dropout = dropout
        self.key = nn.Linear(channels, channels)
        self.query = nn.Linear(channels, channels)
        self.value = nn.Linear(channels, channels)
        self.attention_out = nn.Linear(channels, channels)
        self.attention_norm = nn.BatchNorm1d(channels)
        self.ffn_up = nn.Linear(channels, ffn_channels)
        self.ffn_down = nn.Linear(ffn_channels, channels)
        self.ffn_norm = nn.BatchNorm1d(channels)

    def forward(self, x: Tensor) -> Tensor:
        """[windows, n, d] -> [windows, n, d]."""
        query, key, value = (
            split_heads(f(x), self.heads) for f in (self.query, self.key, self.value)
        )
        context = join_heads(functional.scaled_dot_product_attention(query, key, value))
        x = self._join(x, self.attention_out(context), self.attention_norm)
        return self._join(x, self.ffn_down(functional.relu(self.ffn_up(x))), self.ffn_norm)

    def _join(self, x: Tensor, branch: Tensor, norm: nn.Module) -> Tensor:
        y = x + functional.dropout(branch, self.dropout, self.training)
        normed: Tensor = norm(y.flatten(0, 1))
        return normed.view_as(y)


class Transformer(nn.Module):
    """Forecasts from a window: embedding, encoder layers, mean over the tokens, linear head.

    With ``relative``, the number of the input that is the target, the head adds the last row's
    value of that input, times ``gain``: the rest of the network forecasts a change.

    ``forward`` takes scaled readings [windows, n, m] and gives scaled forecasts
    [windows, outputs].
    """

    def __init__(
        self,
        window: int,
        inputs: int,
        channels: int,
        *,
        layers: int = 1,
        heads: int = 1,
        ffn_channels: int | None = None,
        outputs: int = 1,
        dropout: float = 0.0,
        relative: int | None = None,
    ) -> None:
        super().__init__()
        self.relative = relative
        ffn = ffn_channels or 4 * channels
        self.embed = nn.Linear(inputs, channels)
        self.position = nn.Parameter(sinusoids(window, channels))
        self.layers = nn.ModuleList(Layer(channels, heads, ffn, dropout) for _ in range(layers))
        self.head = nn.Linear(channels, outputs)
        self.gain = None if relative is None else nn.Parameter(torch.ones(outputs))

    def forward(self, x: Tensor) -> Tensor:
        """[windows, n, m] -> [windows, outputs]."""
        readings = x.to(self.position.dtype)
        x = self.embed(readings) + self.position
        for layer in self.layers:
            x = layer(x)
        forecast: Tensor = self.head(x.mean(dim=1))
        if self.relative is not None and self.gain is not None:
            forecast = forecast + self.gain * readings[:, -1, self.relative, None]
        return forecast

    @torch.no_grad()
    def start_from_last(self, inputs: Scaling, target: Scaling) -> Tensor:
        """Let a relative model forecast the last known value itself.

        Returns:
            The gain that takes this value from the input's scaled units to the target's, [outputs].
        """
        assert self.relative is not None and self.gain is not None
        i = self.relative
        self.head.weight.zero_()
        self.gain.copy_(torch.from_numpy(inputs.scale[i] / target.scale))
        self.head.bias.copy_(torch.from_numpy((inputs.offset[i] - target.offset) / target.scale))
        return self.gain.clone()


def build(config: Config, dropout: float = 0.0) -> Transformer:
    """Return the untrained model that a configuration describes."""
    return Transformer(
        window=config.data.window,
        inputs=len(config.data.inputs),
        outputs=config.data.outputs,
        dropout=dropout,
        relative=config.relative_column,
        **config.model.model_dump(exclude={"relative"}),
    )
