"""Make tables of recordings with a column that states the part of each row.

    python benchmarks/recordings.py skab --data ../shared/data --to examples/skab.csv

``benchmarks/decisions.py`` uses them, and ``examples/skab.toml`` names the second one.
"""

import argparse
from pathlib import Path

import numpy as np
import pandas as pd

WISDM = Path("wisdm51") / "accel_AtoE_12subjects.csv.gz"
WINDOW = 50
"""Rows of a window of WISDM: two and a half seconds at 20 Hz."""
FOLDS = (
    ((1622, 1609), (1618, 1606, 1615)),
    ((1617, 1600), (1609, 1611, 1624)),
    ((1604, 1618), (1600, 1607, 1612)),
)
"""Subjects of the validation and of the test part in three splits of WISDM. All others train."""

RUNS = ("valve1", "valve2", "other")
TRAINED = 320
"""First rows of a run of SKAB that are trained on."""
UNTESTED = 400
"""First rows of a run of SKAB that are trained on or validated."""
EARLY = "other-2"
"""The run of SKAB whose first anomaly is before row ``UNTESTED``."""
REFERENCE = 100
"""First rows of a run of SKAB that the others are relative to."""


def wisdm(data: Path) -> pd.DataFrame:
    """Return the accelerometer's readings, with four columns of parts.

    ``fold_0`` to ``fold_2`` split by subject, see ``FOLDS``. In ``random``, each successive
    ``WINDOW`` rows of a recording are in a part drawn at random: 70 % train, and half of the others
    validate. A person's windows are then in all parts.

    Args:
        data: Folder of the data sets.
    """
    frame = pd.read_csv(data / WISDM)
    for number, (validation, test) in enumerate(FOLDS):
        parts = dict.fromkeys(validation, "validation") | dict.fromkeys(test, "test")
        frame[f"fold_{number}"] = frame["subject"].map(parts).fillna("train")
    recording = frame.groupby(["subject", "activity"])
    block = pd.MultiIndex.from_arrays(
        (recording.ngroup(), recording.cumcount() // WINDOW), names=("recording", "block")
    )
    code, blocks = pd.factorize(block)
    drawn = np.random.default_rng(0).permutation(len(blocks)) / len(blocks)
    part = np.array(["train", "validation", "test"])[np.digitize(drawn, (0.7, 0.85))]
    return frame.assign(random=part[code])


def skab(data: Path) -> pd.DataFrame:
    """Return the labelled runs of the test bench one below the other, in the column ``run``.

    The column ``part`` splits each run by its rows: the first ``TRAINED`` train, those up to
    ``UNTESTED`` validate, and the others test. Of the run ``EARLY``, there is the reference and the
    test part only.

    Args:
        data: Folder of the data sets.
    """
    tables = []
    for path in sorted(each for run in RUNS for each in (data / "skab" / run).glob("*.csv*")):
        name = f"{path.parent.name}-{path.name.split('.')[0]}"
        table = pd.read_csv(path, sep=";").drop(columns="changepoint").assign(run=name)
        row = np.arange(len(table))
        part = np.array(["train", "validation", "test"])[np.digitize(row, (TRAINED, UNTESTED))]
        used = (name != EARLY) | (row < REFERENCE) | (row >= UNTESTED)
        tables.append(table.assign(part=part)[used])
    return pd.concat(tables, ignore_index=True)


TABLES = {"wisdm": wisdm, "skab": skab}


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("table", choices=TABLES)
    parser.add_argument("--data", type=Path, required=True, help="folder of the data sets")
    parser.add_argument("--to", type=Path, required=True, help="file of the table")
    args = parser.parse_args()
    TABLES[args.table](args.data).to_csv(args.to, index=False)


if __name__ == "__main__":
    main()
