"""Forecasts of new data by a trained model, in Python and for the command line."""

import io
import logging
import tempfile
from collections.abc import Callable, Iterator
from pathlib import Path

import pandas as pd

from narrowcast import pipeline
from narrowcast.config import Config, load_config
from narrowcast.data import needs_end, new_table, read_new_table, with_index
from narrowcast.errors import UserError, boundary
from narrowcast.files import piped_input, write_whole
from narrowcast.forecasting.drift import Drift
from narrowcast.forecasting.evaluation import Evaluation, Simple, evaluate, load_simple
from narrowcast.forecasting.live import Frames, Live
from narrowcast.forecasting.trained import Origins, TrainedModel
from narrowcast.host import Link
from narrowcast.pipeline.stages import STATE_FOLDER
from narrowcast.progress import Progress

_LOG = logging.getLogger(__name__)


class Forecaster:
    """A model that learns and forecasts from pandas frames.

    Forecasts are those of the integer model, so they are what the hardware computes.

    Args:
        config: The configuration, or its file. ``data.path`` is not read. None for a forecaster
            that is only loaded.
        out: The output folder of the training; None for a temporary one, which ends with the
            forecaster.
    """

    def __init__(
        self, config: Config | Path | str | None = None, out: Path | str | None = None
    ) -> None:
        self.config = load_config(config) if isinstance(config, Path | str) else config
        self.out = None if out is None else Path(out)
        self._fitted: tuple[TrainedModel, Simple] | None = None

    def fit(self, frame: pd.DataFrame, progress: Progress | None = None) -> "Forecaster":
        """Train and quantise the model, as ``narrowcast train`` and ``quantize`` do.

        Stages that are up to date are not repeated.

        Args:
            frame: Readings, with the columns of the configuration. The time stamps, and what tells
                series apart, are in the columns of the configuration, or in the index.
            progress: Receives the progress of the stages.

        Returns:
            The forecaster itself.

        Raises:
            UserError: The readings cannot be used for training, or the model cannot fit the device.
        """
        if self.config is None:
            raise UserError("the forecaster has no configuration to train: give it one")
        if self.out is None:
            self._temporary = tempfile.TemporaryDirectory(prefix="narrowcast-")
            self.out = Path(self._temporary.name)
        path = self.out / STATE_FOLDER / "frame.parquet"
        options = pipeline.Options(progress=progress or Progress())
        with boundary("the frame", "it is no table of readings"):
            table, data = with_index(frame, self.config.data)
            content = io.BytesIO()
            table.rename(columns=str).to_parquet(content, index=False)
        write_whole(path, content.getvalue())
        written = {"path": path, "layout": "columns", "skip_rows": 0}  # as the frame is
        config = self.config.model_copy(update={"data": data.model_copy(update=written)})
        pipeline.train(config, self.out, options)
        pipeline.quantize(config, self.out, options)
        self._fitted = _load(self.out)
        return self

    @classmethod
    def load(cls, out: Path | str) -> "Forecaster":
        """Return the model in the output folder of ``narrowcast quantize`` or ``build``.

        Raises:
            UserError: A file is missing, truncated, altered, or of another model.
        """
        fitted = _load(Path(out))
        loaded = cls(out=out)
        loaded._fitted = fitted
        return loaded

    @property
    def _model(self) -> tuple[TrainedModel, Simple]:
        if self._fitted is None:
            raise UserError("the forecaster is not trained: call fit, or Forecaster.load")
        return self._fitted

    def predict(self, frame: pd.DataFrame) -> pd.DataFrame:
        """Forecast from every window of a frame, also from the last one.

        Args:
            frame: Readings, with the columns of the training. The time stamps, and what tells
                series apart, are in the columns of the training, or in the index; times without a
                zone are read as in the training.

        Returns:
            A row for each window, with the time stamp of its last row as index, in the zone of the
            frame's time stamps. A column ``TARGET+k`` is the forecast for k rows later. Before it
            are columns that name the series of a panel, or the recording. Of a classifier,
            ``TARGET`` is the label, and ``TARGET margin`` its margin to the next one. Of a
            detector, ``score`` is the score, and ``flag`` is 1 if it is above the threshold.

        Raises:
            UserError: The frame lacks a column, or no forecast is possible.
        """
        trained, _ = self._model
        table = new_table(frame, trained.rules.config, target=False)
        origins = trained.origins(table, targets=False)
        drift = Drift(trained.model, trained.rules.data.scaling)
        found = pd.concat(list(forecasts(trained, origins, drift)))
        for warning in drift.warnings():
            _LOG.warning(warning)
        return found.set_axis(_labels(frame, origins), axis="index")

    def evaluate(self, frame: pd.DataFrame) -> Evaluation:
        """Return the errors of the forecasts from a frame, and of simple forecasts beside them.

        Args:
            frame: Readings as those of :meth:`predict`, with the target.

        Raises:
            UserError: The frame lacks a column, or no window has a known target.
        """
        trained, simple = self._model
        rules, anomalies = trained.rules.config, trained.detects
        table = new_table(frame, rules, target=True, anomalies=anomalies)
        return evaluate(trained, simple, table)


def _load(out: Path) -> tuple[TrainedModel, Simple]:
    trained = TrainedModel.load(out)
    return trained, load_simple(out, trained)


def _labels(frame: pd.DataFrame, origins: Origins) -> pd.Index:
    """Return the index of forecasts as the frame writes it."""
    config = origins.rows.config
    if origins.rows.table.time is None:
        source = origins.rows.table.source
        return frame.index[origins.last if source is None else source[origins.last]]
    times = origins.times
    assert isinstance(times, pd.DatetimeIndex)
    given = with_index(frame, config)[0].get(config.time_name)  # None: in several columns
    zone = given.dt.tz if given is not None and hasattr(given, "dt") else None
    if zone is not None:
        return times.tz_convert(zone)
    return times.tz_convert(config.timezone or "UTC").tz_localize(None)


def forecasts(
    trained: TrainedModel, origins: Origins, drift: Drift | None = None
) -> Iterator[pd.DataFrame]:
    """Yield the forecasts from some origins, a batch at a time.

    Args:
        trained: The model.
        origins: The rows in which it forecasts.
        drift: Counts the readings of all windows.
    """
    labels, first = origins.labels, 0
    for part, values in trained.batches(origins):
        if drift is not None:
            drift.add(part)
        some = labels[first : first + len(values)]
        first += len(values)
        yield trained.frame(values, some, part.members)


def _forecasts_of_board(
    trained: TrainedModel, origins: Origins, drift: Drift, link: Link
) -> Iterator[pd.DataFrame]:
    """Yield the forecasts of a board, each as soon as the board has made it."""
    labels, members, counted = origins.labels, origins.members, None
    for part, each in trained.inferences(origins):
        if counted is not part:
            drift.add(part)
            counted = part
        values = link.forecast(*each.readings, restart=each.restart)
        if each.origin is not None:
            one = slice(each.origin, each.origin + 1)
            yield trained.frame(values[None], labels[one], members and members.some(one))


def run_file(
    out: Path,
    data: Path,
    port: str,
    write: Callable[[Frames], None],
    progress: Progress,
) -> None:
    """Forecast from a file of new data by a board, as :func:`predict_file` does by this computer.

    Args:
        out: Output folder of ``narrowcast build``.
        data: The file.
        port: The port of the board, as for :meth:`Link.open`.
        write: Called with the forecasts, one frame of a row for each.
        progress: Receives remarks and warnings.

    Raises:
        UserError: The model or the file cannot be read, no forecast is possible, or the board does
            not answer or holds another model.
        ToolError: A simulated board cannot be made.
    """
    with Link.open(port, out, lambda line: progress.warned("run", line)) as link:

        def made(trained: TrainedModel, origins: Origins, drift: Drift) -> Frames:
            return _forecasts_of_board(trained, origins, drift, link)

        _forecast_file(out, data, made, write, "run", progress)


def predict_file(
    out: Path, data: Path, write: Callable[[Frames], None], progress: Progress
) -> None:
    """Forecast from a file of new data.

    Args:
        out: Output folder of ``narrowcast quantize``.
        data: The file.
        write: Called with the forecasts, a frame at a time.
        progress: Receives remarks and warnings.

    Raises:
        UserError: The model or the file cannot be read, or no forecast is possible.
    """
    _forecast_file(out, data, forecasts, write, "predict", progress)


def _forecast_file(
    out: Path,
    data: Path,
    make: Callable[[TrainedModel, Origins, Drift], Frames],
    write: Callable[[Frames], None],
    command: str,
    progress: Progress,
) -> None:
    """Read a model and a table, make forecasts, and say what is to be said of them."""
    trained = TrainedModel.load(out)
    source = piped_input() if str(data) == "-" else None
    if source is not None:
        reason = needs_end(trained.rules.config, source)
        if reason is None:
            write(Live(trained, make, command, progress).forecasts(source))
            return
        line = f"{trained.result}s come after the end of the input: {reason}"
        progress.remarked(command, line)
    origins = trained.origins(
        read_new_table(trained.rules.config, data, target=False), targets=False
    )
    summary = trained.summary(len(origins.last), origins.gaps, origins.missing, origins.early)
    for note in (*origins.notes, summary):
        progress.remarked(command, note)
    drift = Drift(trained.model, trained.rules.data.scaling)
    write(make(trained, origins, drift))
    for warning in drift.warnings():
        progress.warned(command, warning)


def evaluate_file(out: Path, data: Path) -> Evaluation:
    """Return the errors of a model on a file of new data.

    Args:
        out: Output folder of ``narrowcast quantize``.
        data: The file.

    Raises:
        UserError: The model or the file cannot be read, or no window has a known target.
    """
    trained, simple = _load(out)
    rules, anomalies = trained.rules.config, trained.detects
    table = read_new_table(rules, data, target=True, anomalies=anomalies)
    return evaluate(trained, simple, table)
