"""Training in floating point as a whole: choice by validation, quantiles, and the last training."""

from collections.abc import Callable
from dataclasses import dataclass

from narrowcast.config import Config
from narrowcast.data import Dataset, Monitored, Table, errors, make_windows
from narrowcast.data.scaling import Array
from narrowcast.model.detector import train_detector
from narrowcast.model.quantiles import Unseen, constant_widths, scale_quantiles, spreads
from narrowcast.model.training import EpochCallback, predict_part, train_float
from narrowcast.model.transformer import Transformer
from narrowcast.training_records import Errors, History, Scores


@dataclass(frozen=True, eq=False)
class Learnt:
    """A trained float model.

    Attributes:
        model: The model.
        dataset: The windows whose training part it was trained on in the end.
        history: History of the training before, which validation has ended.
        forecasts: Its forecasts or decisions of the test part, see :meth:`Dataset.decoded`.
        config: The configuration, of a detector with the method that was chosen.
        faults: As in :class:`Detector`.
        widths: Distances from the median [steps * quantiles] of intervals of constant width, which
            have the quantiles of the errors on the validation part; None without quantiles.
    """

    model: Transformer
    dataset: Dataset
    history: History
    forecasts: Array
    config: Config
    widths: Array | None = None
    faults: dict[str, float] | None = None

    @property
    def scores(self) -> Scores:
        """Scores on the test part."""
        return self.dataset.scores(self.forecasts, self.dataset.test)

    @property
    def constant_width(self) -> Errors | None:
        """Errors on the test part of intervals of constant width around the model's medians."""
        if self.widths is None:
            return None
        targets = self.dataset.forecast_targets
        medians = targets.middle(self.forecasts).repeat(len(targets.quantiles), axis=1)
        test = self.dataset.test
        return errors(medians + self.widths, test.target, targets, test.members)


def learn(
    dataset: Dataset,
    table: Table,
    config: Config,
    progress: EpochCallback | None = None,
    last: Callable[[Dataset, History], None] | None = None,
) -> Learnt:
    """Train the float model of a configuration, with ``train.refit`` and ``train.conformal``.

    Args:
        dataset: The windows; the test part is not used.
        table: The table that they were cut from.
        config: The configuration.
        progress: Called after each epoch.
        last: Called before the last training, if there is one, with its windows and the history of
            the one before.
    """
    if isinstance(dataset.targets, Monitored):
        found = train_detector(dataset, config, progress)
        decided = predict_part(found.model, found.dataset.test, found.dataset)
        return Learnt(
            *(found.model, found.dataset, found.history, decided, found.config),
            faults=found.faults,
        )
    model, history = train_float(dataset, config, progress)
    quantiles = config.model.quantiles
    widths, factors = None, None
    if quantiles:
        unseen = Unseen.of(model, dataset)
        scale = dataset.target_scaling.repeated(len(quantiles)).scale
        widths = scale * constant_widths(unseen, quantiles)
        of_head = unseen.split(model.shape.tokens) if config.model.series else unseen
        factors = spreads(of_head, quantiles) if config.train.conformal else None
    if config.refits:
        dataset = make_windows(
            table, config.data, config.stream, quantiles, refit=True, series=config.model.series
        )
        if last is not None:
            last(dataset, history)
        model, _ = train_float(dataset, config, progress, chosen=history.best)
    if factors is not None:
        scale_quantiles(model, dataset.forecast_targets, factors)
    decoded = predict_part(model, dataset.test, dataset)
    return Learnt(model, dataset, history, decoded, config, widths)
