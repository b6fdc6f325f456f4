"""A problem small enough to search in seconds."""

from pathlib import Path

import pytest

CONFIG = """
[data]
path = "readings.csv"
time = "time"
inputs = ["a"]
target = "b"
window = 3
lead = 0
[model]
channels = 4
[train]
epochs = 1
finetune_epochs = 1
"""


@pytest.fixture
def config_file(tmp_path: Path) -> Path:
    rows = [f"2024-01-01T{i // 60:02}:{i % 60:02}:00Z,{i % 7},{i % 5}\n" for i in range(120)]
    (tmp_path / "readings.csv").write_text("time,a,b\n" + "".join(rows))
    path = tmp_path / "small.toml"
    path.write_text(CONFIG)
    return path
