"""Random mixed-precision models with random hardware options, for the characterisation.

A quarter of them have the published network, half have windows as they are by default, with tokens
of several rows and folded products, and a quarter are streams.
"""

from collections.abc import Mapping
from dataclasses import asdict, dataclass, field
from random import Random
from typing import Any

from narrowcast.integer.builder import Shape
from narrowcast.integer.model import IntegerModel
from narrowcast.integer.random_model import random_model
from narrowcast.targets.device import Device

SMALL_DEVICE = 8000  # look-up tables
_CHANNELS = (8, 12, 16, 20, 24, 32, 40, 48, 64)
_FEW_CHANNELS = (4, 6, 8, 10, 12, 16, 20, 24, 32)
_MOST_DEEP_CHANNELS = 24
_FORMS = ("published", "window", "window", "stream")
_KINDS = (
    *("weights", "activations", "keys", "values"),
    *("parameters", "exponentials", "softmax", "program"),
)


@dataclass(frozen=True)
class Sample:
    """A random model for a device.

    Attributes:
        device: Name of the device.
        seed: Seed of all random choices and of the model's numbers.
        shape: Size of the model.
        bits: Widths from which the width of each tensor is drawn.
        input_bits: Width of the inputs; None to draw it like the others.
        hw: Hardware options.
    """

    device: str
    seed: int
    shape: Shape
    bits: tuple[int, ...]
    input_bits: int | None
    hw: Mapping[str, Any] = field(default_factory=dict)

    def model(self) -> IntegerModel:
        """Return the model."""
        return random_model(self.shape, self.bits, self.seed, input_bits=self.input_bits)

    def to_json(self) -> dict[str, Any]:
        """Return the sample as plain JSON."""
        return {**asdict(self), "bits": list(self.bits)}


def sample(device: Device, seed: int) -> Sample:
    """Draw a model. The same seed gives the same model."""
    random = Random(f"{device.name} {seed}")
    small = device.lut < SMALL_DEVICE
    channels = random.choice(_FEW_CHANNELS if small else _CHANNELS)
    form = random.choice(_FORMS)
    heads = random.choice([1, 1, 1, 2, 4] if form == "published" else [1, 2, 4, 4])
    while channels % heads:
        heads //= 2
    window = random.choice([2, 3, 4, 5, 6, 8, 10, 12, 16, 20, 24])
    layers = random.choice([1, 1, 1, 1, 2, 2, 3]) if channels <= _MOST_DEEP_CHANNELS else 1
    inputs = random.choice([1, 2, 3, 5, 7, 8, 10, 14])
    bits = tuple(sorted(random.sample(range(2, 9), random.choice([1, 2, 2, 3, 3, 4]))))
    hardware = _lanes(random, device)
    if random.random() < 0.3:
        kind = random.choice(_KINDS)
        hardware["storage"] = {kind: random.choice(["block", "distributed"])}
    shape = Shape(
        window=window,
        inputs=inputs,
        channels=channels,
        layers=layers,
        heads=heads,
        ffn_channels=channels * random.choice([1, 2, 3, 4, 4]),
        outputs=random.choice([1, 1, 1, 2, 4]),
        relative=random.choice([(), (0,), (inputs - 1,)]),
        **_form(random, form, window),
    )
    return Sample(device.name, seed, shape, bits, random.choice([None, 8, 6]), hardware)


def _form(random: Random, form: str, window: int) -> dict[str, Any]:
    """Draw what tells the forms apart, as arguments of a shape."""
    if form == "published":
        return {}
    drawn = {
        "fold": random.random() < 0.8,
        "seasons": random.choice([0, 0, 1]),
        "known": random.choice([0, 0, 1]),
    }
    kernel = random.choice([1, 2, 4, 4])
    if form == "stream":
        return {"kind": "stream", "kernel": kernel, **drawn}
    kernel = min(kernel, window // 2)
    pooling = random.choice(["last", "last", "mean"])
    return {"kernel": kernel, "stride": (kernel + 1) // 2, "pooling": pooling, **drawn}


def _lanes(random: Random, device: Device) -> dict[str, Any]:
    """Draw hardware options of the lanes; most often none."""
    drawn = random.random()
    if drawn < 0.12:
        return {"ways": 1}
    if drawn < 0.2:
        return {"lanes": random.choice([4, 8, 12, 16])}
    if drawn < 0.27 or drawn > 0.88:
        return {"tables": True}
    if drawn < 0.32 and device.dsp_block is not None:
        return {"pairs": False}
    return {}
