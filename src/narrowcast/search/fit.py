"""Reduces the widths of a model until it fits, where its results are least sensitive.

The sensitivity table gives the loss for each narrower width of each tensor. From the configured
widths, one bit is removed repeatedly from the tensor with the least additional loss, until the
model fits. Then bits are given back to tensors, the most sensitive first, where the model still
fits. The estimator decides what fits, for the float model rounded to the widths. Only the float
model is trained, and nothing if the configured model fits.
"""

from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from narrowcast.config import Config, shape_of, to_toml
from narrowcast.errors import UserError
from narrowcast.files import locked, write_whole
from narrowcast.model import Forecaster
from narrowcast.model.examples import Examples
from narrowcast.model.objectives import validation_error
from narrowcast.progress import Progress
from narrowcast.quantize.network import QuantisedTransformer
from narrowcast.quantize.training import calibrated
from narrowcast.records import write_json
from narrowcast.search.assess import Assessment, assess, missed
from narrowcast.search.jobs import assess_model, load_float
from narrowcast.search.objectives import Objectives, check_comparable, error_of
from narrowcast.search.sensitivity import Rounded, sensitivity
from narrowcast.search.shapes import prepare
from narrowcast.search.space import WIDTHS, Widths, with_bits
from narrowcast.targets.device import load_device

CONFIG, JSON = "fit.toml", "fit.json"

SensitivityTable = Mapping[str, Mapping[int, float]]
"""Loss by tensor and width."""


@dataclass(frozen=True)
class Change:
    """A width that was changed.

    Attributes:
        name: Name of ``quantised_names``.
        before: Configured width, in bits.
        after: New width, in bits.
        loss: Increase of the mean square difference from the float model's results by this change
            alone, as :func:`mean_square_difference` states it.
    """

    name: str
    before: int
    after: int
    loss: float


@dataclass(frozen=True)
class Validation:
    """The effect of the reduced widths on the error of the validation part, without fine-tuning.

    Attributes:
        exact: Error of the float model, as ``error_of`` names it.
        before: That of the integer model at the configured widths.
        after: The same at the new widths.
    """

    exact: float
    before: float
    after: float


@dataclass(frozen=True)
class Fit:
    """A model that fits.

    Attributes:
        config: Configuration of the model.
        changes: Changed widths; empty if the configured model fits.
        before: Assessment of the configured model.
        after: Assessment of this model.
        validation: Effect of the changes on the forecasts; None if the configured model fits.
    """

    config: Config
    changes: tuple[Change, ...]
    before: Assessment
    after: Assessment
    validation: Validation | None

    def reasons(self) -> Iterator[str]:
        """Yield lines on the violations of the configured model and on the costs of this one."""
        device = self.config.hardware.device
        if self.validation is None:
            yield f"it fits {device} as it is"
            return
        if self.before.refusal:
            yield self.before.refusal
        for name, excess in self.before.violations.items():
            if not self.before.refusal:
                yield f"as configured, {missed(name, excess)}"
        used = ", ".join(f"{self.after.costs[name]:.0f} {name.upper()}" for name in ("lut", "dsp"))
        yield f"now it fits {device}: {used}, {self.after.costs['latency_us']:.1f} us"
        name, found = error_of(self.config).short, self.validation
        yield (
            f"validation {name} before fine-tuning: {found.after:.4g}, as configured "
            f"{found.before:.4g}, in floating point {found.exact:.4g}; fine-tuning wins most of it "
            "back"
        )

    def to_json(self) -> dict[str, Any]:
        """Return the content of ``fit.json``."""
        return {
            "changes": [vars(change) for change in self.changes],
            "before": vars(self.before),
            "after": vars(self.after),
            "validation": self.validation and vars(self.validation),
        }


def fit_device(
    config: Config, out: Path, objectives: Objectives, progress: Progress | None = None
) -> Fit:
    """Find widths at which a model fits its device and meets the limits.

    Writes ``fit.toml`` and ``fit.json`` to ``out``. If widths have to change, the float model is
    trained in the same folder below ``out`` as by ``search``.

    Raises:
        UserError: The model does not fit even with the least widths, or is a detector of which no
            method is stated.
    """
    check_comparable(config)
    with locked(out):
        fit = _fit_device(config, out, objectives, progress or Progress())
        write_whole(out / CONFIG, to_toml(fit.config, out))
        write_json(out / JSON, fit.to_json())
    return fit


def _fit_device(config: Config, out: Path, objectives: Objectives, progress: Progress) -> Fit:
    bits = config.quantization.widths(shape_of(config))
    before = assess(config, objectives)
    if not before.violations:
        return Fit(config, (), before, before, None)
    smallest = with_bits(config, dict.fromkeys(bits, WIDTHS[0]))
    if (found := assess(smallest, objectives)).violations:
        raise UserError(_hopeless(config, found))
    progress.started("fit")
    try:
        prepared = prepare(smallest, out)
        source = load_float(prepared.state, config)
        rounded = Rounded(source, prepared.dataset, config)
        validation = Examples.of(prepared.dataset.validation, prepared.dataset)
        error_of_results = validation_error(prepared.dataset, validation, source)

        def model_of(chosen: Widths) -> QuantisedTransformer:
            return calibrated(source, prepared.dataset, with_bits(config, chosen))

        def error(model: Forecaster) -> float:
            return error_of_results(validation.forecasts(model))

        def assessed(chosen: Widths) -> Assessment:
            point = with_bits(config, chosen)
            if (found := assess(point, objectives)).violations:
                return found
            # The stand-in has other ranges than the model, which may cost lanes.
            return assess_model(model_of(chosen), prepared.dataset, point, objectives)

        def fits(chosen: Widths) -> bool:
            return not assessed(chosen).violations

        table = sensitivity(rounded, bits)
        chosen = narrow(bits, table, fits)
        after = assessed(chosen)
        if after.violations:
            raise UserError(_hopeless(config, after))
        return Fit(
            config=with_bits(config, chosen),
            changes=tuple(
                Change(name, bits[name], width, table[name][width])
                for name, width in chosen.items()
                if width < bits[name]
            ),
            before=before,
            after=after,
            validation=Validation(*map(error, (source, model_of(bits), model_of(chosen)))),
        )
    finally:
        progress.ended()


def narrow(bits: Widths, table: SensitivityTable, fits: Callable[[Widths], bool]) -> dict[str, int]:
    """Return widths that fit, with a small loss; the narrowest widths must fit.

    Args:
        bits: Configured widths, which do not fit.
        table: Losses, as :func:`sensitivity` returns them.
        fits: Returns whether a model with these widths fits.
    """
    candidates = list(_narrower(bits, table))
    first, last = 0, len(candidates) - 1
    while first < last:
        middle = (first + last) // 2
        first, last = (first, middle) if fits(candidates[middle]) else (middle + 1, last)
    chosen = dict(candidates[last])
    refused: set[tuple[str, int]] = set()
    while True:
        steps = [
            (table[name][width + 1] - table[name][width], name)
            for name, width in chosen.items()
            if width < bits[name] and (name, width + 1) not in refused
        ]
        if not steps:
            return chosen
        _, name = min(steps)
        wider = {**chosen, name: chosen[name] + 1}
        if fits(wider):
            chosen = wider
        else:
            refused.add((name, wider[name]))


def _narrower(bits: Widths, table: SensitivityTable) -> Iterator[Widths]:
    """Yield widths with one bit less each time, at the tensor with the least added loss."""
    widths = dict(bits)
    while any(width > WIDTHS[0] for width in widths.values()):
        name = min(
            (name for name, width in widths.items() if width > WIDTHS[0]),
            key=lambda name: table[name][widths[name] - 1],
        )
        widths[name] -= 1
        yield dict(widths)


def _hopeless(config: Config, found: Assessment) -> str:
    device = load_device(config.hardware.device)
    misses = "; ".join(missed(name, excess) for name, excess in found.violations.items())
    why = found.refusal or f"on {device.name}, {misses}"
    return (
        f"{WIDTHS[0]} bits everywhere do not help: {why}: "
        "choose fewer model.channels or model.ffn_channels, a shorter data.window, 'auto' in "
        "[hardware], or a larger device"
    )
