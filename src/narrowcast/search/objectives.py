"""The objectives and limits of a search."""

import math
import re
from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass

from narrowcast.config import Config, did_you_mean
from narrowcast.errors import UserError, shown
from narrowcast.training_records import ErrorName, error_name

_LONGEST_BUDGET = 10_000 * 3600  # seconds

ERROR = "error"
QUANTITIES = {
    ERROR: "error on the validation part",
    "energy_uj": "energy of an inference, in µJ (estimated)",
    "power_mw": "power, in mW (estimated)",
    "latency_us": "time from the last reading to the result, in µs",
    "cycles": "clocks of an inference",
    "lut": "look-up tables (estimated)",
    "ff": "flip-flops (estimated)",
    "dsp": "DSP blocks",
    "blocks": "the device's smallest block memories",
}
Costs = Mapping[str, float]


def error_of(config: Config) -> ErrorName:
    """Return what the error of a configuration's models is called.

    It is the one by which training chooses its best epoch, or that it reports. It needs no labels
    of anomalies, and is known of every model.
    """
    return error_name(config.task, config.subjects, panel=config.data.id is not None)


def check_comparable(config: Config, sizes: Collection[str] = ()) -> None:
    """Refuse detectors whose errors do not compare.

    The differences of a reconstruction from what it reads are the smaller the more it copies, and
    those of a forecast are larger than those of any reconstruction.

    Args:
        config: The configuration.
        sizes: Names of the sizes of the model that are searched.

    Raises:
        UserError: The method is not stated, or the size of a model that reconstructs is searched.
    """
    if config.task != "detect":
        return
    method = config.detect.method
    if method == "auto":
        raise UserError(
            "detect.method = 'auto': search and fit compare models of one method: state "
            "'forecast' or 'reconstruct', which 'narrowcast train' chooses between"
        )
    if method == "reconstruct" and sizes:
        raise UserError(
            f"--vary {shown(next(iter(sizes)))}: sizes do not compare with detect.method = "
            "'reconstruct', as the larger model copies better what it reads, anomalies too: leave "
            "it out, and state the size in the configuration"
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
        """Parse ``--minimise error,energy`` and ``--max latency_us=200,lut=8000``.

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
