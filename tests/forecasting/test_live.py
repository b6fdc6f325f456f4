"""Readings that arrive through a pipe: a forecast for each, equal to that from the whole table."""

import os
import pty
import subprocess
import sys
import threading
import tty
from functools import partial
from io import BufferedReader
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
from test_predict import KINDS, table, trained

from board import SHA256, Board, play
from narrowcast.data import needs_end, read_new_table
from narrowcast.errors import UserError
from narrowcast.forecasting.forecaster import _forecasts_of_board, forecasts
from narrowcast.forecasting.live import Live
from narrowcast.forecasting.trained import TrainedModel
from narrowcast.host import Link
from narrowcast.integer import load_model, model_sha256
from narrowcast.integer.identity import Identity
from narrowcast.progress import Progress

COMMAND = (sys.executable, "-m", "narrowcast")
HEADER, *LINES = table(holes=False).to_csv().splitlines(keepends=True)


class Said(Progress):
    """Keeps what is said."""

    def __init__(self) -> None:
        self.lines: list[str] = []

    def remarked(self, stage: str, text: str) -> None:
        self.lines.append(f"{stage}: {text}")

    def warned(self, stage: str, text: str) -> None:
        self.lines.append(f"{stage} warns: {text}")


class Pieces(BufferedReader):
    """A pipe out of which these pieces come, one at a time."""

    def __init__(self, pieces: list[str]) -> None:
        self._pieces = [each.encode() for each in pieces]

    def read1(self, _: int = -1, /) -> bytes:
        return self._pieces.pop(0) if self._pieces else b""

    def peek(self, _: int = 0, /) -> bytes:
        return self._pieces[0]


def live(model: TrainedModel, pieces: list[str], said: Said | None = None) -> pd.DataFrame:
    source = Pieces(pieces)
    assert needs_end(model.rules.config, source) is None
    return pd.concat(list(Live(model, forecasts, "live", said or Said()).forecasts(source)))


def whole(model: TrainedModel, text: str, folder: Path) -> tuple[pd.DataFrame, str]:
    """Return the forecasts from a file, and what is said of the windows."""
    (folder / "new.csv").write_text(text)
    read = read_new_table(model.rules.config, folder / "new.csv", target=False)
    origins = model.origins(read, targets=False)
    summary = model.summary(len(origins.last), origins.gaps, origins.missing, origins.early)
    return pd.concat(list(forecasts(model, origins))), summary


@pytest.mark.parametrize(
    "kind",
    [
        *("relative, seasons, calendar", "masked", "interpolated stream", "holidays"),
        *("without times", "series"),
    ],
)
def test_forecasts_are_those_of_the_whole_table(kind: str, tmp_path: Path) -> None:
    times = kind != "without times"
    out = trained(tmp_path, *KINDS[kind], times=times)
    model = TrainedModel.load(out)
    # With holidays, a file has no forecasts for times in a gap, of which a feed cannot know yet.
    new = table(holes=kind != "holidays")
    header, *lines = new.to_csv(index=times).splitlines(keepends=True)
    expected, summary = whole(model, "".join([header, *lines]), tmp_path)
    ends = np.sort(np.random.default_rng(0).choice(len(lines), 60, replace=False))
    several = ["".join(each) for each in np.split(np.array(lines, object), ends)]
    said = Said()
    single = [header[:3], header[3:] + lines[0][:4], lines[0][4:], *lines[1:120]]
    found = live(model, [*single, "".join(lines[120:])], said)
    pd.testing.assert_frame_equal(found, expected)
    assert said.lines[-1] == f"live: {summary}"
    pd.testing.assert_frame_equal(live(model, [header, *several]), expected)

    link = Link(Board(model.model), model.model, SHA256)
    make = partial(_forecasts_of_board, link=link)
    source = Pieces([header, *several])
    found = pd.concat(list(Live(model, make, "run", Said()).forecasts(source)))
    pd.testing.assert_frame_equal(found, expected)


@pytest.fixture(scope="module")
def out(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return trained(tmp_path_factory.mktemp("live"))


def test_what_is_said(out: Path) -> None:
    model, said = TrainedModel.load(out), Said()
    far = [f"2025-01-01 {hour:02}:00:00+00:00,0.1,{500 + 200 * hour},0\n" for hour in range(12)]
    late, rows = LINES[3], [*LINES[:3], *LINES[4:12]]
    found = live(model, ["station 7\n", HEADER, "# a comment\n", *rows, late, *far], said)
    assert len(found) == 10
    first, second = (each for each in said.lines if "lie far outside" in each)
    assert "'b' lie far outside of the integers' range" in first and "in 1 of " in first
    assert "in 7 of " in second and "from 500 to 2700" not in first
    assert [each for each in said.lines if "too late" in each] == [
        "live warns: rows are not in order of time: one that is too late has no forecast; a file "
        "would be sorted"
    ]


def test_a_header_that_stands_again_is_no_row(out: Path) -> None:
    model = TrainedModel.load(out)
    found = live(model, [HEADER, *LINES[:20], HEADER, "".join([*LINES[20:30], HEADER, LINES[30]])])
    pd.testing.assert_frame_equal(found, live(model, [HEADER, *LINES[:31]]))


@pytest.mark.parametrize(
    ("pieces", "message"),
    [
        ([], "-: the file is empty"),
        ([HEADER], "-: has no readings, only a header"),
        (["time,a\n", "1,2\n"], "-: no column 'b': there are 'time', 'a'"),
        (["x,y\n", "1,2\n"], "-: no columns 'a', 'b', 'time': there are 'x', 'y'"),
        ([HEADER, *LINES[:40], "2024-05-01,1,oh,2\n"], "-, column 'b', row 41: 'oh' is not a num"),
        ([HEADER, *LINES[:40], "2024-05-01,1\n"], "-: row 41 has 2 fields, the header 4"),
        ([HEADER, *LINES[:40], LINES[39]], "-, column 'time', row 41: 2024-"),
        (
            [HEADER, *LINES[:3]],
            "no forecast is possible: the table has 3 rows with readings, and a forecast needs 6",
        ),
        ([HEADER, *LINES[:40:2]], "no two rows are 01:00:00 apart, as data.interval says: most"),
        ([HEADER, '2024-05-01,"1' + 2000 * "0", 4 * (1 << 21) * "1"], "-: a row is longer than 8"),
    ],
)
def test_what_is_refused(out: Path, pieces: list[str], message: str) -> None:
    with pytest.raises(UserError) as error:
        list(Live(TrainedModel.load(out), forecasts, "live", Said()).forecasts(Pieces(pieces)))
    assert message in str(error.value) and "\n" not in str(error.value)


@pytest.fixture(scope="module")
def local(tmp_path_factory: pytest.TempPathFactory) -> TrainedModel:
    """A model of readings in local time."""
    zone = "data.timezone=Europe/Berlin"
    return TrainedModel.load(trained(tmp_path_factory.mktemp("local"), zone))


def local_lines(begin: str) -> list[str]:
    """Return 40 rows of an hour each, in local time."""
    times = pd.date_range(begin, periods=40, freq="h", tz="Europe/Berlin")
    return [f"{time:%Y-%m-%d %H:%M},{i % 5},{i % 7},0\n" for i, time in enumerate(times)]


@pytest.mark.parametrize(
    "ends",
    [[*range(40)], [8], [9], [20], []],
    ids=["rows", "before the hour", "within it", "after it", "a single piece"],
)
def test_local_times_end_where_an_hour_is_repeated(ends: list[int], local: TrainedModel) -> None:
    lines = local_lines("2024-10-26 18:00")
    assert lines[8][:16] == lines[9][:16] == "2024-10-27 02:00"
    pieces = ["".join(each) for each in np.split(np.array(lines, object), ends)]
    with pytest.raises(UserError) as error:
        live(local, [HEADER, *filter(None, pieces)])
    assert str(error.value) == (
        "-, column 'time', row 9: 2024-10-27 02:00:00 is in Europe/Berlin an hour that a change of "
        "clocks skips or repeats, and the rows do not tell which is meant: give times in UTC"
    )


def test_local_times_go_on_where_an_hour_is_skipped(local: TrainedModel, tmp_path: Path) -> None:
    lines = local_lines("2024-03-30 18:00")
    expected, _ = whole(local, "".join([HEADER, *lines]), tmp_path)
    pd.testing.assert_frame_equal(live(local, [HEADER, *lines]), expected)


def test_a_gap_to_come_changes_no_forecast(tmp_path: Path) -> None:
    """The holidays of the times ahead count, whether there will be readings or not."""
    model = TrainedModel.load(trained(tmp_path, *KINDS["holidays"]))
    before, gap, after = LINES[240:288], LINES[288:300], LINES[300:320]
    assert gap[0].startswith("2024-04-01 00:00")  # Easter Monday
    expected, _ = whole(model, "".join([HEADER, *before, *gap, *after]), tmp_path)
    found = live(model, [HEADER, *before, *after])
    pd.testing.assert_frame_equal(found, expected.loc[found.index])
    assert len(found) == len(before) - 5 + len(after) - 5


def test_a_pipe(out: Path, tmp_path: Path) -> None:
    """Each forecast is there before the next reading is written."""
    expected, _ = whole(TrainedModel.load(out), HEADER + "".join(LINES[:20]), tmp_path)
    command = (*COMMAND, "predict", out, "--data", "-")
    with subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE) as process:
        found = converse(process, LINES[:20], 6)
    assert process.returncode == 0
    assert found == expected.to_csv().splitlines(keepends=True)


def converse(process: "subprocess.Popen[bytes]", lines: list[str], window: int) -> list[str]:
    """Write lines to a command, and read its forecast after each from a whole window on."""
    assert process.stdin is not None and process.stdout is not None
    process.stdin.write(HEADER.encode() + "".join(lines[: window - 1]).encode())
    found = []
    for i, line in enumerate(lines[window - 1 :]):
        process.stdin.write(line.encode())
        process.stdin.flush()
        found += [process.stdout.readline().decode() for _ in range(2 if i == 0 else 1)]
    process.stdin.close()
    return found


def test_a_port(out: Path, tmp_path: Path) -> None:
    model = load_model(out)
    truth = Identity.of(model, model_sha256(out), state_access=False).pack()
    board = Board(model, identity=truth)
    master, slave = pty.openpty()
    tty.setraw(slave)
    ends = partial(byte_of, master), partial(os.write, master)
    player = threading.Thread(target=play, args=(*ends, board), daemon=True)
    player.start()
    expected, _ = whole(TrainedModel.load(out), HEADER + "".join(LINES[:12]), tmp_path)
    command = (*COMMAND, "run", out, "--port", os.ttyname(slave), "--data", "-")
    with subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE) as process:
        found = converse(process, LINES[:12], 6)
    assert process.returncode == 0
    assert found == expected.to_csv().splitlines(keepends=True)
    os.close(slave)
    player.join()
    os.close(master)


def byte_of(line: int) -> bytes:
    """Return the next byte of a pseudo-terminal, or nothing when its other end is closed."""
    try:
        return os.read(line, 1)
    except OSError:
        return b""


def test_what_is_no_text_is_read_to_its_end(out: Path) -> None:
    content = table(holes=False).reset_index().to_parquet(index=False)
    for piped in (content, (HEADER + "".join(LINES)).encode("utf-16")):
        done = subprocess.run(
            (*COMMAND, "predict", out, "--data", "-"), input=piped, capture_output=True, check=False
        )
        assert (done.returncode, done.stdout.count(b"\n")) == (0, 416), done.stderr
        assert b"after the end of the input: this is no text of lines" in done.stderr
