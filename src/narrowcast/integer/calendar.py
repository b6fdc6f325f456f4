"""Calendar columns of an input: what a host computes from the time stamp of a row.

All angles are multiples of whole minutes or days, so a host without floating point can keep the
values, already as integers, in tables of 1440, 7 and 366 entries.
"""

import zoneinfo
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from types import MappingProxyType

import numpy as np
from numpy.typing import NDArray

from narrowcast.integer.arithmetic import Reals

FEATURES: Mapping[str, tuple[str, ...]] = MappingProxyType(
    {
        "hour": ("hour.sin", "hour.cos", "hour.sin2", "hour.cos2"),
        "weekday": tuple(f"weekday.{day}" for day in range(1, 8)),
        "month": ("month.sin", "month.cos"),
    }
)
"""The columns of each feature: ``hour`` with its first two harmonics, Monday as weekday 1."""

_MINUTES, _DAYS = 24 * 60, 366


@dataclass(frozen=True)
class Calendar:
    """The last columns of an input.

    Attributes:
        features: Names of the features, keys of :data:`FEATURES`, each once.
        timezone: IANA name of the zone in which time is read off the clock.
    """

    features: tuple[str, ...]
    timezone: str = "UTC"

    @property
    def columns(self) -> tuple[str, ...]:
        """Names of the columns."""
        return calendar_columns(self.features)

    def values(
        self, minute: NDArray[np.int64], weekday: NDArray[np.int64], day: NDArray[np.int64]
    ) -> Reals:
        """Return the values of the columns [rows, columns] for clock times in the zone.

        Args:
            minute: Full minutes since midnight [rows], from 0 to 1439.
            weekday: Day of the week [rows], from 1, Monday, to 7.
            day: Day of the year [rows], from 1 to 366.
        """
        daily = 2 * np.pi * minute / _MINUTES
        yearly = 2 * np.pi * (day - 1) / _DAYS
        columns = {
            "hour": [np.sin(daily), np.cos(daily), np.sin(2 * daily), np.cos(2 * daily)],
            "weekday": [(weekday == each).astype(np.float64) for each in range(1, 8)],
            "month": [np.sin(yearly), np.cos(yearly)],
        }
        return np.stack([each for name in self.features for each in columns[name]], axis=1)


def is_timezone(name: str) -> bool:
    """Return whether this is the IANA name of a time zone."""
    try:
        zoneinfo.ZoneInfo(name)
    except (zoneinfo.ZoneInfoNotFoundError, ValueError, OSError):
        return False
    return True


def calendar_columns(features: Sequence[str]) -> tuple[str, ...]:
    """Return the names of the columns of features, in order."""
    return tuple(column for name in features for column in FEATURES[name])
