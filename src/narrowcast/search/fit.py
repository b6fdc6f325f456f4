"""Makes a model fit: the fewest bits taken away, where the forecast feels it least.

The sensitivity table tells by how much the forecast moves when one tensor gets fewer bits. From
the configured widths, the tensor whose next bit costs least gives it up, over and over; the first
model of this row that fits is taken. Then tensors take back what was not needed, the costliest
first. The estimator decides what fits, by the float model rounded to the widths; nothing is trained
but the float model, and not even that if the configured model fits.
"""

import json
import math
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from narrowcast.config import Config
from narrowcast.errors import UserError
from narrowcast.files import write_whole
from narrowcast.progress import Progress
from narrowcast.quantize.training import calibrated
from narrowcast.search.assess import Assessment, assess, missed
from narrowcast.search.front import to_toml
from narrowcast.search.jobs import judge_model, load_float
from narrowcast.search.objectives import Objectives
from narrowcast.search.sensitivity import Bits, Rounded, sensitivity
from narrowcast.search.shapes import prepare
from narrowcast.search.space import WIDTHS, with_bits
from narrowcast.targets.device import load_device

CONFIG, JSON = "fit.toml", "fit.json"

Table = Mapping[str, Mapping[int, float]]


@dataclass(frozen=True)
class Change:
    """A width that was changed.

    Attributes:
        name: of ``quantised_names``. before, after: bits.
        loss: mean square of the forecast's difference from the float model's that this change
            alone makes, in the target's unit, next to that of the configured model.
    """

    name: str
    before: int
    after: int
    loss: float


@dataclass(frozen=True)
class Validation:
    """What fewer bits do to the forecast, on the validation part.

    Attributes:
        float_rmse: of the float model, in the target's unit.
        distance_before, distance_after: mean square of the difference from the float model's
            forecasts, of the model as it is after rounding, not yet fine-tuned.
    """

    float_rmse: float
    distance_before: float
    distance_after: float


@dataclass(frozen=True)
class Fit:
    """A model that fits.

    Attributes:
        config: of the model. changes: what it took; none if the configured one fits.
        before, after: what the estimator says of the configured model, and of this one.
        validation: what the changes cost; none if the configured model fits.
    """

    config: Config
    changes: tuple[Change, ...]
    before: Assessment
    after: Assessment
    validation: Validation | None

    def reasons(self) -> Iterator[str]:
        """Yield lines that say what was wrong, and what it costs to put it right."""
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
        was, now = (
            math.hypot(self.validation.float_rmse, math.sqrt(distance))
            for distance in (self.validation.distance_before, self.validation.distance_after)
        )
        yield (
            f"validation RMSE before fine-tuning: {now:.4g}, as configured {was:.4g}; fine-tuning "
            "wins most of it back"
        )

    def to_json(self) -> dict[str, Any]:
        """Return what a reader of ``fit.json`` wants to know."""
        return {
            "changes": [vars(change) for change in self.changes],
            "before": vars(self.before),
            "after": vars(self.after),
            "validation": self.validation and vars(self.validation),
        }


def fit_device(
    config: Config, out: Path, goals: Objectives, progress: Progress | None = None
) -> Fit:
    """Find widths at which a model fits its device and keeps to limits.

    Writes ``fit.toml`` and ``fit.json`` to ``out``; the float model there is that of ``search``,
    and is trained only if something has to change.

    Raises:
        UserError: It does not fit even with the fewest bits.
    """
    progress = progress or Progress()
    bits = config.quantization.widths(config.model.layers)
    before = assess(config, goals)
    if not before.violations:
        fit = Fit(config, (), before, before, None)
        _write(fit, out)
        return fit
    smallest = with_bits(config, dict.fromkeys(bits, WIDTHS[0]))
    if (found := assess(smallest, goals)).violations:
        raise UserError(_hopeless(config, found))
    progress.started("fit")
    try:
        prepared = prepare(smallest, out)
        source = load_float(prepared.state, config)
        rounded = Rounded(source, prepared.dataset, config)

        def judged(chosen: Bits) -> Assessment:
            point = with_bits(config, chosen)
            if (found := assess(point, goals)).violations:
                return found
            # ranges of the stand-in are not the model's own, and with them lanes may be lost
            model = calibrated(source, prepared.dataset, point)
            return judge_model(model, prepared.dataset, point, goals)

        def fits(chosen: Bits) -> bool:
            return not judged(chosen).violations

        table = sensitivity(rounded, bits)
        chosen = narrow(bits, table, fits)
        after = judged(chosen)
        if after.violations:
            raise UserError(_hopeless(config, after))
        fit = Fit(
            config=with_bits(config, chosen),
            changes=tuple(
                Change(name, bits[name], width, table[name][width])
                for name, width in chosen.items()
                if width < bits[name]
            ),
            before=before,
            after=after,
            validation=Validation(
                rounded.float_rmse, rounded.distance(bits), rounded.distance(chosen)
            ),
        )
    finally:
        progress.ended()
    _write(fit, out)
    return fit


def _write(fit: Fit, out: Path) -> None:
    write_whole(out / CONFIG, to_toml(fit.config, out))
    write_whole(out / JSON, json.dumps(fit.to_json(), indent=1) + "\n")


def narrow(bits: Bits, table: Table, fits: Callable[[Bits], bool]) -> dict[str, int]:
    """Return the widths of least loss found that fit; the narrowest must.

    Args:
        bits: to begin with; they do not fit.
        table: of :func:`sensitivity`.
        fits: whether a model of some widths does.
    """
    row = list(_narrower(bits, table))
    first, last = 0, len(row) - 1
    while first < last:
        middle = (first + last) // 2
        first, last = (first, middle) if fits(row[middle]) else (middle + 1, last)
    chosen = dict(row[last])
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


def _narrower(bits: Bits, table: Table) -> Iterator[Bits]:
    """Yield ever narrower widths, down to the narrowest."""
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
