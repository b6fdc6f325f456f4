import os
import threading
from pathlib import Path

from narrowcast import load_config, pipeline
from narrowcast.pipeline.tasks.readings import load_windows
from narrowcast.progress import Progress
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
    assert progress.lines == [*results.data.notes, str(results.data.windows)]


def test_windows_of_a_pipe(folder: Path) -> None:
    pipe, content = folder / "pipe", (folder / "readings.csv").read_text()
    os.mkfifo(pipe)
    writer = threading.Thread(target=pipe.write_text, args=(content,))
    writer.start()
    config = load_config(folder / "run.toml", data=pipe)
    first, second = load_windows(config)[2], load_windows(config)[2]
    writer.join()
    assert first == second and first.rows == 120 and first.file == "pipe"
