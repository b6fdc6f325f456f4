"""Forecasts of new data by a trained model, in Python and for the command line."""

from collections.abc import Callable, Iterator
from pathlib import Path

import pandas as pd

from narrowcast.data import Baselines, new_table, read_new_table
from narrowcast.forecasting.drift import Drift
from narrowcast.forecasting.evaluation import Evaluation, evaluate, load_baselines
from narrowcast.forecasting.trained import Origins, TrainedModel


class Forecaster:
    """A trained model, which forecasts from pandas frames.

    Forecasts are those of the integer model, so they are what the hardware computes.
    """

    def __init__(self, trained: TrainedModel, simple: Baselines) -> None:
        self._trained, self._simple = trained, simple

    @classmethod
    def load(cls, out: Path | str) -> "Forecaster":
        """Return the model in the output folder of ``narrowcast quantize`` or ``build``.

        Raises:
            UserError: A file is missing, truncated, altered, or of another model.
        """
        trained = TrainedModel.load(Path(out))
        return cls(trained, load_baselines(Path(out), trained))

    def predict(self, frame: pd.DataFrame) -> pd.DataFrame:
        """Forecast from every window of a frame, also from the last one.

        Args:
            frame: Readings, with the columns of the training. The time stamps are in the column
                of the training, or in the index; without a zone, they are read as in the training.

        Returns:
            A row for each window, with the time stamp of its last row as index, in the zone of the
            frame's time stamps. A column ``TARGET+k`` is the forecast for k rows later.

        Raises:
            UserError: The frame lacks a column, or no forecast is possible.
        """
        origins = self._trained.origins(
            new_table(frame, self._trained.rules.config, target=False), targets=False
        )
        found = pd.concat(list(forecasts(self._trained, origins)))
        return found.set_axis(self._labels(frame, origins), axis="index")

    def evaluate(self, frame: pd.DataFrame) -> Evaluation:
        """Return the errors of the forecasts from a frame, and of simple forecasts beside them.

        Args:
            frame: Readings as those of :meth:`predict`, with the target.

        Raises:
            UserError: The frame lacks a column, or no window has a known target.
        """
        table = new_table(frame, self._trained.rules.config, target=True)
        return evaluate(self._trained, self._simple, table)

    def _labels(self, frame: pd.DataFrame, origins: Origins) -> pd.Index:
        """Return the index of forecasts as the frame writes it."""
        config = self._trained.rules.data
        if origins.rows.table.time is None:
            return frame.index[origins.last]
        times = origins.times
        assert isinstance(times, pd.DatetimeIndex)
        given = frame[config.time] if config.time in frame.columns else frame.index
        zone = given.dt.tz if isinstance(given, pd.Series) and hasattr(given, "dt") else None
        if isinstance(given, pd.DatetimeIndex):
            zone = given.tz
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
    times, first = origins.times, 0
    for part, values in trained.batches(origins):
        if drift is not None:
            drift.add(part)
        index = times[first : first + len(values)]
        first += len(values)
        yield pd.DataFrame(values, index=index, columns=trained.steps)


def predict_file(
    out: Path,
    data: Path,
    write: Callable[[Iterator[pd.DataFrame]], None],
    say: Callable[[str], None],
) -> None:
    """Forecast from a file of new data.

    Args:
        out: Output folder of ``narrowcast quantize``.
        data: The file.
        write: Called with the forecasts, a frame at a time.
        say: Called with each remark.

    Raises:
        UserError: The model or the file cannot be read, or no forecast is possible.
    """
    trained = TrainedModel.load(out)
    origins = trained.origins(
        read_new_table(trained.rules.config, data, target=False), targets=False
    )
    for note in (*origins.notes, str(origins)):
        say(note)
    drift = Drift(trained.model)
    write(forecasts(trained, origins, drift))
    for name, column in drift.columns().items():
        if warning := column.warning(name):
            say(f"warning: {warning}")


def evaluate_file(out: Path, data: Path) -> Evaluation:
    """Return the errors of a model on a file of new data.

    Args:
        out: Output folder of ``narrowcast quantize``.
        data: The file.

    Raises:
        UserError: The model or the file cannot be read, or no window has a known target.
    """
    trained = TrainedModel.load(out)
    simple = load_baselines(out, trained)
    return evaluate(trained, simple, read_new_table(trained.rules.config, data, target=True))
