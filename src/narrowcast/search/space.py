"""The search space: widths of all tensors, hardware options, and sizes of the model.

A point of the space is a :class:`Config` for ``narrowcast build``. Hardware options that the
configuration sets are kept; those that are ``auto`` are searched.
"""

import math
import random
from collections.abc import Mapping, Sequence, Set
from dataclasses import dataclass, replace
from itertools import product
from pathlib import Path
from typing import Any, get_args

import optuna
from optuna.distributions import BaseDistribution
from pydantic import ValidationError

from narrowcast.compile import most_lanes
from narrowcast.config import Config, did_you_mean, quantised_names, shape_of
from narrowcast.config.mistakes import first_mistake
from narrowcast.errors import UserError, shown
from narrowcast.integer.builder import Kind
from narrowcast.targets.device import Device

WIDTHS = range(2, 9)
SIZES = {
    "kind": "model",
    "window": "data",
    "channels": "model",
    "layers": "model",
    "heads": "model",
    "ffn_channels": "model",
}
_LANES = (4, 8, 16, 24, 32, 48, 64)
_MOST_SIZES = 100
_KINDS: tuple[Kind, ...] = get_args(Kind)
SHAPE = "shape"

Widths = Mapping[str, int]
"""Width in bits by the names of ``quantised_names``."""

OptionValue = int | bool | str

Sizes = Mapping[str, Sequence[int | str]]
"""Values of the model's kind and sizes by the names of ``SIZES``."""


def changed(config: Config, **sections: Mapping[str, Any]) -> Config:
    """Return a configuration with some keys of some sections replaced, and validate it."""
    values = config.model_dump()
    for section, keys in sections.items():
        values[section] |= keys
    return Config.model_validate(values)


def with_bits(config: Config, bits: int | Mapping[str, int]) -> Config:
    """Return a configuration with other ``quantization.bits``."""
    table = bits if isinstance(bits, int) else dict(bits)
    return changed(config, quantization={"bits": table})


def shape_name(config: Config) -> str:
    """Return a name for the kind and size of a model, which is also a folder's name."""
    model = config.model
    kind = "stream-" if model.kind == "stream" else ""
    return (
        f"{kind}n{config.data.window}-d{model.channels}-l{model.layers}-h{model.heads}"
        f"-f{model.ffn_channels}"
    )


def parse_sizes(texts: Sequence[str]) -> dict[str, list[int | str]]:
    """Parse ``key=value,value,...`` of ``--vary``. Values of a repeated key are merged.

    Raises:
        UserError: The key is not a size of the model, or a value is not a whole number above 0, or
            of ``kind`` no kind.
    """
    sizes: dict[str, list[int | str]] = {}
    for text in texts:
        key, _, values = text.partition("=")
        key = key.strip().removeprefix("data.").removeprefix("model.")
        if key not in SIZES:
            raise UserError(
                f"--vary {shown(text)}: there is no {shown(key)}{did_you_mean(key, SIZES)}: "
                f"it may be {', '.join(SIZES)}"
            )
        given = {each.strip() for each in values.split(",")}
        kept = sizes.setdefault(key, [])
        if key == "kind":
            if not given.issubset(_KINDS):
                raise UserError(f"--vary {shown(text)}: must be 'window' or 'stream', or both")
            kept[:] = [each for each in _KINDS if each in given.union(kept)]
        else:
            kept[:] = sorted(_numbers(text, given).union(kept))
    return sizes


def _numbers(text: str, given: Set[str]) -> set[Any]:
    """Return the values of a size.

    Raises:
        UserError: One is not a whole number above 0.
    """
    try:
        numbers = {int(value) for value in given}
    except ValueError:
        numbers = {0}
    if min(numbers) < 1:
        raise UserError(
            f"--vary {shown(text)}: must be whole numbers above 0 with commas, such as "
            "channels=16,32"
        )
    return numbers


def _shapes(config: Config, sizes: Sizes) -> tuple[dict[str, Config], dict[str, str]]:
    """Return the configurations of all possible sizes, and why others are impossible."""
    count = math.prod(map(len, sizes.values()))
    if count > _MOST_SIZES:
        raise UserError(
            f"--vary: {count} combinations of sizes, but at most {_MOST_SIZES} are allowed, as "
            "each is trained: give fewer values"
        )
    shapes, refusals = {}, {}
    for values in product(*sizes.values()):
        sections: dict[str, dict[str, Any]] = {"data": {}, "model": {}}
        for key, value in zip(sizes, values, strict=True):
            sections[SIZES[key]][key] = value
        if "channels" in sizes and "ffn_channels" not in sizes:
            ratio = config.model.ffn_channels / config.model.channels
            sections["model"]["ffn_channels"] = max(1, round(ratio * sections["model"]["channels"]))
        if "channels" in sizes and "heads" not in sizes:
            fitting = math.gcd(config.model.heads, sections["model"]["channels"])
            sections["model"]["heads"] = fitting
        try:
            shape = changed(config, **sections)
        except ValidationError as error:  # such as heads that do not divide the channels
            chosen = ", ".join(f"{key}={value}" for key, value in zip(sizes, values, strict=True))
            refusals[chosen] = first_mistake(error, Config, Path("--vary"), {})
            continue
        shapes[shape_name(shape)] = shape
    if not shapes:
        last = next(reversed(refusals.values()))
        raise UserError(f"no combination of the sizes is possible: {last}")
    return shapes, refusals


@dataclass(frozen=True)
class Space:
    """The search space.

    Attributes:
        shapes: Configurations of all sizes, by ``shape_name``.
        hardware: Values of the searched hardware options, by dotted key in ``[hardware]``.
        impossible: Reasons why requested sizes are impossible, by size.
    """

    shapes: Mapping[str, Config]
    hardware: Mapping[str, Sequence[OptionValue]]
    impossible: Mapping[str, str]

    @classmethod
    def of(cls, config: Config, device: Device, sizes: Sizes) -> "Space":
        """Return the search space of a configuration on a device.

        Raises:
            UserError: No combination of ``sizes`` is possible.
        """
        options: dict[str, Sequence[OptionValue]] = {
            "lanes": ("auto", *(n for n in _LANES if n <= most_lanes(device))),
            "ways": ("auto", 1, 2),
            "pairs": ("auto", True, False),
            "second_way": ("auto", "dsp", "tables"),
        }
        hardware = config.hardware
        kept = {key: values for key, values in options.items() if _open(hardware, key)}
        for key in type(hardware.storage).model_fields:
            if _open(hardware.storage, key):
                kept[f"storage.{key}"] = ("auto", "block", "distributed")
        shapes, impossible = _shapes(config, sizes)
        return cls(shapes, kept, impossible)

    def suggest(self, trial: optuna.trial.BaseTrial) -> Config:
        """Return a point chosen by a trial's sampler."""
        name = trial.suggest_categorical(SHAPE, list(self.shapes))
        shape = self.shapes[name]
        bits = {
            name: trial.suggest_int(name, WIDTHS[0], WIDTHS[-1])
            for name in quantised_names(shape_of(shape))
        }
        chosen: dict[str, Any] = {
            key: trial.suggest_categorical(key, values) for key, values in self.hardware.items()
        }
        return self._point(shape, bits, chosen)

    def uniform(self) -> list[tuple[dict[str, Any], str]]:
        """Return the parameters and labels of all uniform models."""
        points = []
        for name, shape in self.shapes.items():
            for bits in reversed(WIDTHS):
                widths = dict.fromkeys(quantised_names(shape_of(shape)), bits)
                parameters = {SHAPE: name, **widths, **dict.fromkeys(self.hardware, "auto")}
                points.append((parameters, f"{bits} bits"))
        return points

    def of_shape(self, name: str) -> "Space":
        """Return the space with one size only."""
        return replace(self, shapes={name: self.shapes[name]})

    def samples(self, seed: int, count: int, *, alike: bool = False) -> list[dict[str, Any]]:
        """Return parameters of random models.

        Args:
            seed: Seed of the random numbers.
            count: Number of models.
            alike: Draw the widths of each model from a random part of the range only.
        """
        generator = random.Random(seed)
        points = []
        for _ in range(count):
            name = generator.choice(list(self.shapes))
            least, most = WIDTHS[0], WIDTHS[-1]
            if alike:
                least, most = sorted(generator.sample(WIDTHS, 2))
            names = quantised_names(shape_of(self.shapes[name]))
            bits = {each: generator.randint(least, most) for each in names}
            chosen: dict[str, Any] = {SHAPE: name, **bits}
            points.append(chosen | dict.fromkeys(self.hardware, "auto"))
        return points

    def distributions(self, parameters: Mapping[str, Any]) -> dict[str, BaseDistribution]:
        """Return the distributions of a point's parameters."""
        trial = optuna.trial.FixedTrial(dict(parameters))
        self.suggest(trial)
        return trial.distributions

    def point(self, parameters: Mapping[str, Any]) -> Config:
        """Return the point of a finished trial's parameters."""
        shape = self.shapes[parameters[SHAPE]]
        bits = {name: parameters[name] for name in quantised_names(shape_of(shape))}
        return self._point(shape, bits, {key: parameters[key] for key in self.hardware})

    def _point(self, shape: Config, bits: Mapping[str, int], chosen: Mapping[str, Any]) -> Config:
        hardware: dict[str, Any] = shape.hardware.model_dump()
        for key, value in chosen.items():
            section, _, last = key.rpartition(".")
            (hardware[section] if section else hardware)[last] = value
        return changed(shape, quantization={"bits": dict(bits)}, hardware=hardware)


def _open(section: Any, key: str) -> bool:
    return bool(getattr(section, key) == "auto")
