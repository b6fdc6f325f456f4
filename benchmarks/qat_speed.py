"""Time an epoch of training with fake quantisation against one in floating point.

Both train alternately, batch by batch, in one process, so that other load on the machine slows both
alike. An epoch is all training batches plus the evaluation of the validation windows, which in
quantisation-aware training is that of the integer network. Training works in one thread, and so
does this. Times are medians.

    python benchmarks/qat_speed.py --window 24 --channels 64 --json qat_speed.json
"""

import argparse
import json
import platform
import statistics
import time
from collections.abc import Callable
from pathlib import Path

import torch
from torch import nn
from torch.nn import functional

from narrowcast.config import QuantizationConfig
from narrowcast.integer.builder import Shape
from narrowcast.model import Transformer
from narrowcast.quantize import Precision, QuantisedTransformer


def arguments() -> argparse.Namespace:
    parser = argparse.ArgumentParser(description="Speed of quantisation-aware training.")
    for name, default in [
        *[("window", 24), ("inputs", 7), ("channels", 64), ("layers", 1), ("heads", 1)],
        *[("bits", 8), ("batch", 256), ("windows", 12_000), ("validation", 2_400)],
        *[("rounds", 40)],
    ]:
        parser.add_argument(f"--{name}", type=int, default=default)
    parser.add_argument("--json", type=Path, help="where to write the figures")
    return parser.parse_args()


def train_step(model: nn.Module, x: torch.Tensor, y: torch.Tensor) -> Callable[[], object]:
    optimiser = torch.optim.AdamW(model.parameters(), lr=1e-5, fused=True)

    def step() -> None:
        optimiser.zero_grad()
        functional.mse_loss(model(x), y).backward()
        optimiser.step()

    return step


def seconds(work: Callable[[], object]) -> float:
    start = time.perf_counter()
    work()
    return time.perf_counter() - start


def alternate(rounds: int, works: list[Callable[[], object]]) -> list[float]:
    """Return the median seconds of each work; the first rounds only warm up."""
    times = [[seconds(work) for work in works] for _ in range(rounds + 3)][3:]
    return [statistics.median(column) for column in zip(*times, strict=True)]


def main() -> None:
    options = arguments()
    torch.set_num_threads(1)
    torch.manual_seed(0)
    x = torch.rand(options.batch, options.window, options.inputs)
    y = torch.rand(options.batch, 1)
    validation = torch.rand(options.validation, options.window, options.inputs).double()
    shape = Shape(
        options.window,
        options.inputs,
        options.channels,
        layers=options.layers,
        heads=options.heads,
    )
    source = Transformer(shape)
    source(x)
    precision = Precision.of(QuantizationConfig(bits=options.bits), shape)
    quantised = QuantisedTransformer(source.eval(), precision)
    quantised.calibrate((x,), y)

    step = alternate(
        options.rounds, [train_step(model, x, y) for model in (source.train(), quantised.train())]
    )
    evaluation = alternate(
        max(3, options.rounds // 4),
        [lambda model=model: model.evaluate(validation) for model in (source, quantised)],
    )
    steps = options.windows / options.batch
    epoch = [steps * s + e for s, e in zip(step, evaluation, strict=True)]

    rows = {"training batch": step, "evaluation": evaluation, "epoch": epoch}
    print(f"{'':<18}{'float':>10}{'QAT':>10}{'ratio':>8}")
    for name, (plain, qat) in rows.items():
        print(f"{name:<18}{plain * 1e3:>7.1f} ms{qat * 1e3:>7.1f} ms{qat / plain:>8.2f}")
    if options.json:
        figures = {
            "settings": {k: v for k, v in vars(options).items() if k != "json"},
            "machine": {"processor": platform.machine(), "torch": torch.__version__},
            "seconds": {name: {"float": a, "qat": b} for name, (a, b) in rows.items()},
            "epoch_ratio": epoch[1] / epoch[0],
        }
        options.json.write_text(json.dumps(figures, indent=1) + "\n")


if __name__ == "__main__":
    main()
