"""The rules by which a trained model reads a table: ``source.json``.

They are stored beside the integer model, and belong to it alone. New data are read, cut into
windows and scaled by them, and nothing is learnt from new data.
"""

import json
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

import pandas as pd
from pydantic import TypeAdapter

from narrowcast.config import DataConfig, Stream
from narrowcast.data.panel import Panel, SeriesScale
from narrowcast.data.table import Table
from narrowcast.digests import DIGEST, digest, document_digest, sealed
from narrowcast.errors import UserError, boundary, shown
from narrowcast.integer.serialise import AGAIN, JSON_NAME
from narrowcast.records import write_json

NAME = "source.json"
_VERSION = 2


@dataclass(frozen=True)
class Rules:
    """The rules of one trained model.

    Attributes:
        data: Section ``data`` of its configuration, without the path.
        interval: Time from one row to the next in the table of the training, in nanoseconds; None
            if that had no time stamps.
        stream: What a model of a stream reads; None for windows.
        baselines_sha256: Digest of the file with the simple forecasts of the training.
        series: How the target of each series of a panel is scaled, by its name; None if it is no
            panel.
    """

    data: DataConfig
    interval: int | None
    stream: Stream | None
    baselines_sha256: str
    series: dict[str, SeriesScale] | None

    @classmethod
    def of(
        cls, table: Table, config: DataConfig, stream: Stream | None, baselines_sha256: str
    ) -> "Rules":
        """Return the rules by which a model is trained on a table.

        The other arguments are those of the attributes.
        """
        interval = None if table.interval is None else table.interval.as_unit("ns").value
        series = None if table.panel is None else table.panel.scales()
        data = config.model_copy(update={"path": None})
        return cls(data, interval, stream, baselines_sha256, series)

    def scaled(self, table: Table) -> Table:
        """Return new data with the target of each series in units of its spread, if it has any."""
        if self.series is None:
            return table
        return Panel.of_scales(self.series).scaled_new(table, self.data)

    @property
    def config(self) -> DataConfig:
        """Section ``data`` for new data, whose interval is that of the training."""
        if self.interval is None or self.data.resample is not None:
            return self.data
        interval = f"{self.interval // 10**6}.{self.interval % 10**6:06}ms"
        assert pd.Timedelta(interval).as_unit("ns").value == self.interval
        return self.data.model_copy(update={"interval": interval})


_RULES = TypeAdapter(Rules)


def save_rules(rules: Rules, folder: Path) -> None:
    """Write the rules of the model in a folder.

    Raises:
        UserError: The file cannot be written.
    """
    document = {
        "schema_version": _VERSION,
        "model_sha256": digest((folder / JSON_NAME).read_bytes()),
        "data": rules.data.model_dump(mode="json", exclude={"path"}),
        "interval": rules.interval,
        "stream": None if rules.stream is None else asdict(rules.stream),
        "baselines_sha256": rules.baselines_sha256,
        "series": None if rules.series is None else {k: asdict(e) for k, e in rules.series.items()},
    }
    write_json(folder / NAME, sealed(document))


def load_rules(folder: Path) -> Rules:
    """Read the rules of the model in a folder.

    Raises:
        UserError: The file is missing, truncated, altered, of another version, or of another model.
    """
    path = folder / NAME
    with boundary(str(path), AGAIN):
        try:
            document: dict[str, Any] = json.loads(path.read_bytes())
            stated = document.pop(DIGEST, None)
            version = document.pop("schema_version", None)
            found = document_digest({**document, "schema_version": version})
        except FileNotFoundError:
            raise UserError(f"{path}: there is no such file; {AGAIN}") from None
        except (ValueError, AttributeError, TypeError):
            raise UserError(f"{path}: is truncated or not JSON; {AGAIN}") from None
        if version != _VERSION or isinstance(version, bool):
            raise UserError(
                f"{path}: is of schema version {shown(version)}, not {_VERSION}; {AGAIN}"
            )
        if stated != found:
            raise UserError(f"{path}: has been altered: its digest does not match; {AGAIN}")
        if document.pop("model_sha256", None) != digest((folder / JSON_NAME).read_bytes()):
            raise UserError(f"{path}: does not belong to {JSON_NAME}; {AGAIN}")
        return _RULES.validate_python(document)
