import os
import threading
from pathlib import Path

import numpy as np
import pandas as pd
import pytest

from narrowcast import load_config, pipeline
from narrowcast.pipeline.tasks.readings import load_windows
from narrowcast.progress import Progress
from narrowcast.search.shapes import prepare
from narrowcast.training_records import TrainResults


class Remarks(Progress):
    def __init__(self) -> None:
        self.lines: list[str] = []

    def remarked(self, stage: str, text: str) -> None:
        assert stage == "train"
        self.lines.append(text)


def test_remarks_on_a_table_are_printed_and_recorded(folder: Path) -> None:
    path = folder / "readings.csv"
    header, *rows = path.read_text().splitlines()
    path.write_text("\n".join([header, *rows[::-1]]))
    config, progress = load_config(folder / "run.toml"), Remarks()
    results: TrainResults = pipeline.train(
        config, folder / "out", pipeline.Options(progress=progress)
    )
    assert results.data.notes[0] == "the rows are not in order of time: sorted"
    assert results.data.notes[1].startswith("the target 'b' has only 5 different values")
    windows, best = results.data.windows, results.history.best
    epochs = f"{best + 1} epoch{'s' if best else ''}"
    assert windows.refit == windows.train + windows.validation
    assert progress.lines == [
        *(*results.data.notes, str(windows)),
        f"trained anew for {epochs}, on {windows.refit} targets of the training and the "
        "validation part together",
    ]


@pytest.mark.parametrize(("days", "short"), [(17, ["weekday", "month"]), (18, ["month"])])
def test_a_calendar_of_which_less_than_two_cycles_are_known(
    folder: Path, days: int, short: list[str]
) -> None:
    """The last fifth is the test part: of 18 days of readings, 14.4 are outside of it."""
    times = pd.date_range("2024-05-01", periods=8 * days, freq="3h")
    wave = np.arange(8 * days) % 8
    frame = pd.DataFrame({"time": times, "a": wave, "b": np.sqrt(wave)})
    frame.to_csv(folder / "readings.csv", index=False)
    settings = ['data.calendar=["hour", "weekday", "month"]']
    notes = load_windows(load_config(folder / "run.toml", settings))[2].notes
    said = [note for note in notes if "leave" in note]
    assert [note for note in notes if "out of data.calendar" in note] == said
    assert len(said) == len(short)
    assert all(f"leave '{name}' out" in note for name, note in zip(short, said, strict=True))
    assert said[-1].startswith("the readings outside of the test part span 1")
    assert not [n for n in load_windows(load_config(folder / "run.toml"))[2].notes if "leave" in n]


def test_a_refit_changes_the_model_and_not_what_is_reported_of_its_choice(folder: Path) -> None:
    plain, refit = (
        pipeline.train(load_config(folder / "run.toml", [f"train.refit={word}"]), folder / word)
        for word in ("false", "true")
    )
    assert plain.history == refit.history and plain.data.windows.refit is None
    assert plain.test["ridge"] == refit.test["ridge"]
    assert plain.test["float"] != refit.test["float"]


def test_a_search_trains_without_the_validation_part(folder: Path) -> None:
    config = load_config(folder / "run.toml")
    found = prepare(config, folder / "search")
    pipeline.train(load_config(folder / "run.toml", ["train.refit=false"]), folder / "plain")
    assert found.state == (folder / "plain" / pipeline.FLOAT_MODEL).read_bytes()
    assert found.dataset.train.row.max() < found.dataset.validation.row.min()


def test_windows_of_a_pipe(folder: Path) -> None:
    pipe, content = folder / "pipe", (folder / "readings.csv").read_text()
    os.mkfifo(pipe)
    writer = threading.Thread(target=pipe.write_text, args=(content,))
    writer.start()
    config = load_config(folder / "run.toml", data=pipe)
    first, second = load_windows(config)[2], load_windows(config)[2]
    writer.join()
    assert first == second and first.rows == 120 and first.file == "pipe"
