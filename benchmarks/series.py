"""Make tables that ``benchmarks/accuracy.py`` forecasts and that no file has as they are.

Two are real readings in another form: an ECG at a lower rate, and air quality with time stamps. The
others are SYNTHETIC. Their seeds are fixed, so they are the same each time.
"""

from pathlib import Path

import numpy as np
import pandas as pd
from numpy.typing import NDArray

Values = NDArray[np.float64]

ECG = Path("ecg") / "e0103.csv"
ECG_HZ = 250.0
"""Sampling rate of the European ST-T database, from which this record is.

The file does not name it. Its values are multiples of 5 µV, as in that database. At this rate a
beat lasts 1.00 s, and the T wave's peak follows the R wave's after 0.26 s; 360 Hz would make it
0.18 s, which is too short for a heart at rest.
"""
BEIJING = Path("beijing") / "PRSA_Data_Aotizhongxin_20130301-20170228.csv.gz"
PULSE_HZ = 90.0
"""Rate of both series of pulses, in rows per second."""

_CYCLIC_HOURS = 500 * 24
_PULSE_ROWS = 12_000
# A beat as a sum of Gaussians, as in McSharry et al., "A dynamical model for generating synthetic
# electrocardiogram signals", 2003: height in µV, centre and width in seconds from the R peak.
_WAVES = (
    (120, -0.20, 0.025),
    (-120, -0.035, 0.009),
    (1100, 0.0, 0.010),
    (-250, 0.035, 0.010),
    (300, 0.28, 0.045),
)


def ecg(data: Path) -> pd.DataFrame:
    """Return the ECG at 90 Hz, one column in µV.

    Each row is the mean over 1/90 s, in which a sample counts as much as the part of it that lies
    there.

    Args:
        data: Folder of the data sets.
    """
    samples = 1000 * np.loadtxt(data / ECG)
    total = np.concatenate(([0.0], np.cumsum(samples)))
    step = ECG_HZ / PULSE_HZ
    edges = np.arange(int(len(samples) / step) + 1) * step
    return pd.DataFrame({"value": np.diff(np.interp(edges, np.arange(len(total)), total)) / step})


def beijing(data: Path) -> pd.DataFrame:
    """Return the hourly air quality with local time stamps in the column ``time``.

    Args:
        data: Folder of the data sets.
    """
    frame = pd.read_csv(data / BEIJING)
    time = pd.to_datetime(frame[["year", "month", "day", "hour"]])
    return frame.drop(columns=["No", "year", "month", "day", "hour"]).assign(time=time)


def cyclic(_: Path) -> pd.DataFrame:
    """Return SYNTHETIC hourly counts with sharp peaks twice a working day, as of hired bicycles.

    The counts of a day vary with the season and from day to day, and within a day with the weather.
    They are drawn from a Poisson distribution.
    """
    rng = np.random.default_rng(11)
    hours = np.arange(_CYCLIC_HOURS)
    day, hour = hours // 24, hours % 24

    def peak(centre: float, width: float) -> Values:
        return np.asarray(np.exp(-(((hour - centre) / width) ** 2) / 2))

    working = 25 + 420 * peak(8, 0.7) + 380 * peak(17.4, 0.9) + 110 * peak(13, 2.5)
    free = 30 + 210 * peak(14, 3.2)
    night = np.where((hour >= 1) & (hour <= 5), 0.2, 1.0)
    profile = np.where(day % 7 < 5, working, free) * night
    season = 1 + 0.4 * np.sin(2 * np.pi * (day - 100) / 365)
    days = np.exp(_wandering(rng, day[-1] + 1, 0.6, 0.15))[day]
    weather = np.exp(-np.maximum(0, _wandering(rng, len(hours), 0.9, 0.25)))
    counts = rng.poisson(profile * season * days * weather)
    time = pd.date_range("2023-01-02", periods=len(hours), freq="h", tz="UTC")  # a Monday
    return pd.DataFrame({"time": time, "value": counts})


def pulses(_: Path) -> pd.DataFrame:
    """Return a SYNTHETIC train of pulses at 90 Hz, as of an ECG, one column in µV.

    The time between two pulses varies with the breath and at random. Below the pulses are a slow
    drift and noise.
    """
    rng = np.random.default_rng(12)
    time = np.arange(_PULSE_ROWS) / PULSE_HZ
    value = 100 * np.sin(2 * np.pi * 0.07 * time) + rng.normal(0, 10, len(time))
    at = -1.0
    while at < time[-1] + 1:
        height = rng.normal(1, 0.04)
        for wave, centre, width in _WAVES:
            value += height * wave * np.exp(-(((time - at - centre) / width) ** 2) / 2)
        at += 0.95 * (1 + 0.05 * np.sin(2 * np.pi * 0.25 * at) + rng.normal(0, 0.03))
    return pd.DataFrame({"value": value.round(1)})


def _wandering(rng: np.random.Generator, rows: int, keep: float, scale: float) -> Values:
    """Return autoregressive noise: each row is ``keep`` x the last one + noise."""
    noise, level = rng.normal(0, scale, rows), np.zeros(rows)
    for i in range(1, rows):
        level[i] = keep * level[i - 1] + noise[i]
    return level
