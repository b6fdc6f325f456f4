"""Write ``synthetic.csv``: SYNTHETIC hourly readings of an imagined greenhouse.

Run ``python make_synthetic.py``; the seed is fixed, so the file is the same each time. It has four
months of temperature (deg C), relative humidity (%), light (klx) and soil moisture (%), with two
gaps in time and a few empty fields, as in the files of real data loggers.
"""

from pathlib import Path

import numpy as np
import pandas as pd

HOURS = 3060
GAPS = (slice(811, 834), slice(1902, 1939))
MISSING = (150, 1204, 1205, 1206, 2600)


def readings(rng: np.random.Generator) -> pd.DataFrame:
    """Return the readings, one row per hour, indexed by time."""
    hour = np.arange(HOURS)
    day = hour / 24

    def wandering(keep: float, scale: float) -> np.ndarray:
        """Return first-order autoregressive noise: each hour ``keep`` x its last value + noise."""
        noise, level = rng.normal(0, scale, HOURS), np.zeros(HOURS)
        for i in range(1, HOURS):
            level[i] = keep * level[i - 1] + noise[i]
        return level

    clouds = 1 / (1 + np.exp(-wandering(0.95, 0.5)))
    sun = np.maximum(0, np.sin(2 * np.pi * (day - 0.25)))
    light = 60 * sun * (1 - 0.8 * clouds)
    season = 14 + 6 * np.sin(2 * np.pi * day / 240)
    weather = wandering(0.98, 0.35)
    temperature = np.empty(HOURS)
    temperature[0] = season[0]
    for i in range(1, HOURS):
        pull = season[i] + weather[i] + 0.25 * light[i] - temperature[i - 1]
        temperature[i] = temperature[i - 1] + 0.3 * pull
    temperature += rng.normal(0, 0.15, HOURS)
    humidity = 75 - 1.6 * (temperature - season) + wandering(0.9, 1.2)
    water = np.empty(HOURS)
    water[0] = 38
    for i in range(1, HOURS):
        drying = 0.01 + 0.0006 * max(temperature[i], 0) + 0.001 * light[i]
        water[i] = 40 if water[i - 1] < 26 else water[i - 1] - drying
    return pd.DataFrame(
        {
            "temperature": temperature.round(2),
            "humidity": humidity.clip(15, 99).round(1),
            "light": light.round(2),
            "soil_moisture": (water + rng.normal(0, 0.1, HOURS)).round(1),
        },
        index=pd.date_range("2024-03-01", periods=HOURS, freq="h", tz="UTC", name="time"),
    )


def main() -> None:
    """Write the file into the folder of this script."""
    frame = readings(np.random.default_rng(7))
    columns = frame.columns[np.arange(len(MISSING)) % frame.shape[1]]
    for row, column in zip(MISSING, columns, strict=True):
        frame.loc[frame.index[row], column] = np.nan
    kept = np.ones(HOURS, dtype=bool)
    for gap in GAPS:
        kept[gap] = False
    frame[kept].to_csv(
        Path(__file__).with_name("synthetic.csv"),
        date_format="%Y-%m-%dT%H:%M:%SZ",
        lineterminator="\n",
    )


if __name__ == "__main__":
    main()
