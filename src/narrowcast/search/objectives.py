"""The objectives and limits of a search."""

import math
import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from narrowcast.config import Config, did_you_mean
from narrowcast.errors import UserError, shown

_LONGEST_BUDGET = 10_000 * 3600  # seconds

ERROR = "rmse"
QUANTITIES = {
    ERROR: "RMSE on the validation part, in the target's unit; several targets: in their scales",
    "energy_uj": "energy of a forecast, in µJ (estimated)",
    "power_mw": "power, in mW (estimated)",
    "latency_us": "time from the last reading to the forecast, in µs",
    "cycles": "clocks of a forecast",
    "lut": "look-up tables (estimated)",
    "ff": "flip-flops (estimated)",
    "dsp": "DSP blocks",
    "blocks": "the device's smallest block memories",
}
Costs = Mapping[str, float]


def check_task(config: Config) -> None:
    """Refuse models that make no forecasts, whose quality is no RMSE.

    Raises:
        UserError: The model classifies, or detects anomalies.
    """
    if config.task != "forecast":
        raise UserError(
            f"search and fit compare forecasts only, but task = {config.task!r}: choose the widths "
            "in [quantization], and let 'narrowcast build' measure them"
        )


@dataclass(frozen=True)
class Objectives:
    """Objectives and limits of a search, by the names of ``QUANTITIES``.

    Attributes:
        minimise: Quantities to minimise.
        limits: Upper limits of quantities.
    """

    minimise: tuple[str, ...]
    limits: Mapping[str, float]

    @classmethod
    def parse(cls, minimise: str, most: str) -> "Objectives":
        """Parse ``--minimise rmse,energy`` and ``--max latency_us=200,lut=8000``.

        Units such as ``_us`` may be omitted.

        Raises:
            UserError: A quantity is unknown, or its limit is not a number above 0.
        """
        names = [_full("--minimise", name, list(QUANTITIES)) for name in minimise.split(",")]
        if len(set(names)) < len(names):
            raise UserError(f"--minimise {shown(minimise)}: names a quantity twice")
        if ERROR not in names:
            raise UserError(
                f"--minimise {shown(minimise)}: must have {ERROR}: without it, the fewest bits "
                "are best"
            )
        limits = {}
        for text in filter(None, (part.strip() for part in most.split(","))):
            name, _, value = text.partition("=")
            if name.strip() == ERROR:
                raise UserError(
                    f"--max {shown(text)}: known after training only: minimise it instead"
                )
            full = _full("--max", name, [each for each in QUANTITIES if each != ERROR])
            limits[full] = _limit(text, value)
        return cls(tuple(names), limits)

    def violations(self, costs: Costs) -> dict[str, float]:
        """Return by how much each exceeded limit is exceeded, as a fraction of the limit."""
        return {
            name: costs[name] / most - 1 for name, most in self.limits.items() if costs[name] > most
        }

    def values(self, costs: Costs) -> tuple[float, ...]:
        """Return the values of the objectives."""
        return tuple(costs[name] for name in self.minimise)


def parse_budget(text: str) -> float:
    """Parse a duration such as ``10min`` and return seconds.

    Raises:
        UserError: The text is not a duration above 0.
    """
    match = re.fullmatch(r"(\d+(?:\.\d+)?) ?(s|min|h)", text.strip())
    seconds = float(match[1]) * {"s": 1, "min": 60, "h": 3600}[match[2]] if match else 0.0
    if not 0 < seconds <= _LONGEST_BUDGET:
        raise UserError(
            f"--budget {shown(text)}: must be a time such as '90s', '10min' or '4h', of at most "
            f"{_LONGEST_BUDGET // 3600} hours"
        )
    return seconds


def _full(option: str, name: str, names: Sequence[str]) -> str:
    name = name.strip()
    for full in names:
        if name and name in (full, full.rpartition("_")[0]):
            return full
    raise UserError(
        f"{option}: there is no {shown(name)}{did_you_mean(name, names)}: it may be "
        f"{', '.join(names)}"
    )


def _limit(text: str, value: str) -> float:
    try:
        limit = float(value)
    except ValueError:
        limit = math.nan
    if not (limit > 0 and math.isfinite(limit)):
        raise UserError(f"--max {shown(text)}: must be a name, '=' and a number above 0")
    return limit


def rounded_up(value: float, digits: int = 4) -> float:
    """Return ``value`` rounded up to ``digits`` significant digits, or to a whole number."""
    step = min(1.0, 10.0 ** (math.floor(math.log10(value)) + 1 - digits)) if value > 0 else 1.0
    return round(math.ceil(value / step - 1e-9) * step, 12)


def percent(excess: float) -> str:
    """Return a relative excess in per cent, rounded up."""
    return f"{math.ceil(100 * excess - 1e-9)}%"
