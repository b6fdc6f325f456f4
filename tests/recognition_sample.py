"""Labelled recordings of two movements, and a classifier of them."""

from pathlib import Path

import numpy as np
import pandas as pd

RECORDINGS, ROWS = 12, 60

CONFIG = """
task = "classify"
[data]
path = "recordings.csv"
inputs = ["a", "b"]
target = "label"
classes = ["slow", "fast"]
recording = ["who", "label"]
window = 8
stride = 4
split.by = "who"
split.test = 0.25
[model]
channels = 4
[train]
epochs = 3
finetune_epochs = 2
learning_rate = 0.01
"""


def recordings() -> pd.DataFrame:
    """Sines of two frequencies with noise, of several persons with phases of their own."""
    random, tables = np.random.default_rng(0), []
    for who in range(RECORDINGS):
        for label, period in (("slow", 14), ("fast", 9)):
            angle = 2 * np.pi * (np.arange(ROWS) / period + random.random())
            values = {
                "a": np.sin(angle) + 0.5 * random.normal(size=ROWS),
                "b": np.cos(angle) + 0.5 * random.normal(size=ROWS),
            }
            tables.append(pd.DataFrame(values).assign(who=f"p{who}", label=label))
    return pd.concat(tables)


def written(folder: Path) -> Path:
    """Write ``recordings.csv`` and ``run.toml`` to a folder; return the configuration."""
    recordings().to_csv(folder / "recordings.csv", index=False)
    (folder / "run.toml").write_text(CONFIG)
    return folder / "run.toml"
