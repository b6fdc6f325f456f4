import os
import threading
from pathlib import Path

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
