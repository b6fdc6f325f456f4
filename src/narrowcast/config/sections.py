"""The sections of a configuration file, with their default and allowed values."""

import datetime
import re
from pathlib import Path
from typing import Annotated, Any, Literal, Self

from pydantic import AfterValidator, BeforeValidator, Field, model_validator

from narrowcast.config.precision import QuantizationConfig
from narrowcast.config.section import Section

_INTERVAL = re.compile(r"(\d+(?:\.\d+)?) ?(?:ms|s|min|h|D|W)")


def _column_name(value: object) -> object:
    # In the layout 'rows' a series is named by its row number; TOML reads a bare 0 as a number.
    return str(value) if isinstance(value, int) and not isinstance(value, bool) else value


def _iso(value: object) -> object:
    # TOML reads a bare 2022-01-01 as a date.
    return value.isoformat() if isinstance(value, datetime.date) else value


def _boundary(value: float | str) -> float | str:
    if isinstance(value, str):
        datetime.datetime.fromisoformat(value)
    elif not 0 < value < 1:
        raise ValueError
    return value


def _interval(value: str) -> str:
    match = _INTERVAL.fullmatch(value)
    if not match or float(match[1]) == 0:
        raise ValueError
    return value


def _unique(values: list[str]) -> list[str]:
    if len(set(values)) < len(values):
        raise ValueError
    return values


ColumnName = Annotated[str, BeforeValidator(_column_name)]
Boundary = Annotated[float | str, BeforeValidator(_iso), AfterValidator(_boundary)]
Memory = Literal["auto", "block", "distributed"]


class SplitConfig(Section):
    """The boundaries of the validation and test parts; see ``narrowcast.data.windows``."""

    validation: Boundary = Field(
        default=0.15,
        description="a fraction between 0 and 1 of the rows before the test part, "
        "or an ISO time stamp such as '2021-10-01'",
    )
    test: Boundary = Field(
        default=0.2,
        description="a fraction between 0 and 1 of all rows, "
        "or an ISO time stamp such as '2022-01-01'",
    )


class DataConfig(Section):
    """The table of readings, its columns, and the windows cut from it.

    A window consists of the ``window`` rows that end at row t. Its ``outputs`` targets are in row
    t + ``lead`` and in the rows that follow.
    """

    path: Path | None = Field(default=None, strict=False, description="the path of a file")
    layout: Literal["columns", "rows"] = Field(default="columns", description="'columns' or 'rows'")
    time: str | None = Field(default=None, description="the name of the column of time stamps")
    interval: Annotated[str, AfterValidator(_interval)] | None = Field(
        default=None, description="a step in time such as '30s', '5min', '1h' or '1D'"
    )
    inputs: Annotated[list[ColumnName], AfterValidator(_unique)] = Field(
        min_length=1, description="a list of at least one column name, each named once"
    )
    target: ColumnName = Field(description="the name of a column")
    window: int = Field(ge=2, description="a whole number of rows, at least 2")
    lead: int = Field(ge=0, description="a whole number of rows, at least 0")
    outputs: int = Field(default=1, ge=1, description="a whole number of rows, at least 1")
    split: SplitConfig = Field(
        default=SplitConfig(), description="a section with validation and test"
    )
    scaling: Literal["min-max", "standard"] = Field(
        default="standard", description="'min-max' or 'standard'"
    )

    @model_validator(mode="after")
    def _consistent(self) -> Self:
        if self.lead == 0 and self.target in self.inputs:
            raise ValueError(
                f"with lead = 0 the target {self.target!r} must not be among the inputs: "
                "the window would hold the answer; take it out of inputs, or set lead = 1"
            )
        if self.time is not None and self.time in (*self.inputs, self.target):
            raise ValueError(f"the time column {self.time!r} can be neither an input nor target")
        if self.time is not None and self.layout == "rows":
            raise ValueError("layout = 'rows' has no time stamps: leave out time")
        if self.time is None and str in map(type, (self.split.validation, self.split.test)):
            raise ValueError(
                "a split at a time stamp needs the name of the time column: set time, "
                "or give the split as a fraction"
            )
        return self


class ModelConfig(Section):
    """The size of the Transformer; ``ffn_channels`` is 4 x ``channels`` unless given.

    With ``relative`` the model forecasts the change from the target's last known value. This is
    the default if the target is among the inputs, and impossible otherwise.
    """

    channels: int = Field(default=32, ge=1, le=4096, description="a whole number from 1 to 4096")
    layers: int = Field(default=1, ge=1, le=100, description="a whole number from 1 to 100")
    heads: int = Field(
        default=1, ge=1, description="a whole number, at least 1, that divides channels"
    )
    ffn_channels: int = Field(default=4 * 32, ge=1, description="a whole number, at least 1")
    relative: bool | None = Field(default=None, description="true or false")

    @model_validator(mode="before")
    @classmethod
    def _four_fold(cls, values: object) -> object:
        if isinstance(values, dict) and "ffn_channels" not in values:
            channels = values.get("channels")
            if isinstance(channels, int) and channels > 0:
                return {**values, "ffn_channels": 4 * channels}
        return values

    @model_validator(mode="after")
    def _divisible(self) -> Self:
        if self.channels % self.heads:
            raise ValueError(
                f"heads = {self.heads} must divide channels = {self.channels} without remainder"
            )
        return self


class TrainConfig(Section):
    """Training in floating point, then fine-tuning with fake quantisation.

    ``weight_decay`` is that of AdamW, in both trainings. ``dropout`` applies to the residual
    branches, in floating point only.

    ``level_shift`` augments the training of models that forecast a change. Each window is shifted
    with its targets, in the target's column, by a random offset. ``level_shift`` is the standard
    deviation of the offset, in units of the scaled input. This teaches the model relations that
    hold at any level of the target.
    """

    epochs: int = Field(default=30, ge=1, description="a whole number, at least 1")
    finetune_epochs: int = Field(default=15, ge=1, description="a whole number, at least 1")
    batch: int = Field(default=64, ge=1, description="a whole number of windows, at least 1")
    learning_rate: float = Field(default=5e-3, gt=0, description="a number above 0")
    weight_decay: float = Field(default=0.1, ge=0, description="a number, at least 0")
    dropout: float = Field(default=0.1, ge=0, lt=1, description="a number from 0 to below 1")
    level_shift: float = Field(default=0.5, ge=0, description="a number, at least 0")
    patience: int = Field(default=10, ge=1, description="a whole number of epochs, at least 1")
    seed: int = Field(default=0, ge=0, description="a whole number, at least 0")


class StorageConfig(Section):
    """The memory type of each group of buffers: block or distributed RAM, or 'auto'."""

    weights: Memory = Field(default="auto", description="'auto', 'block' or 'distributed'")
    activations: Memory = Field(default="auto", description="'auto', 'block' or 'distributed'")
    keys: Memory = Field(default="auto", description="'auto', 'block' or 'distributed'")
    values: Memory = Field(default="auto", description="'auto', 'block' or 'distributed'")
    parameters: Memory = Field(default="auto", description="'auto', 'block' or 'distributed'")
    exponentials: Memory = Field(default="auto", description="'auto', 'block' or 'distributed'")
    softmax: Memory = Field(default="auto", description="'auto', 'block' or 'distributed'")
    program: Memory = Field(default="auto", description="'auto', 'block' or 'distributed'")
    buffers: dict[str, Memory] = Field(default={}, description="a table of single buffers")


class HardwareConfig(Section):
    """The device and the hardware options of the accelerator."""

    device: str = Field(default="xc7s15", min_length=1, description="the name of a device")
    lanes: Annotated[int, Field(ge=1)] | Literal["auto"] = Field(
        default="auto", description="a whole number, at least 1, or 'auto'"
    )
    ways: Literal[1, 2, "auto"] = Field(default="auto", description="1, 2 or 'auto'")
    pairs: bool | Literal["auto"] = Field(default="auto", description="true, false or 'auto'")
    second_way: Literal["dsp", "tables", "auto"] = Field(
        default="auto", description="'dsp', 'tables' or 'auto'"
    )
    clock_mhz: Annotated[float, Field(ge=0.001, le=1000)] | Literal["auto"] = Field(
        default="auto", description="a frequency in MHz, from 0.001 to 1000, or 'auto'"
    )
    storage: StorageConfig = Field(
        default=StorageConfig(), description="a section of kinds of memory"
    )

    def choices(self) -> dict[str, Any]:
        """Return the hardware options as keyword arguments; None leaves one to the compiler."""
        return {
            "lanes": None if self.lanes == "auto" else self.lanes,
            "ways": None if self.ways == "auto" else self.ways,
            "pairs": None if self.pairs == "auto" else self.pairs,
            "tables": None if self.second_way == "auto" else self.second_way == "tables",
            "storage": self.storage.model_dump(exclude={"buffers"}) | self.storage.buffers,
        }


class VerifyConfig(Section):
    """The extent of the simulation."""

    ghdl_windows: int = Field(default=2, ge=2, description="a whole number of windows, at least 2")


class Config(Section):
    """The configuration of a run. ``model_dump(mode="json")`` gives plain JSON for digests."""

    data: DataConfig = Field(description="a section")
    model: ModelConfig = Field(default=ModelConfig(), description="a section")
    quantization: QuantizationConfig = Field(default=QuantizationConfig(), description="a section")
    train: TrainConfig = Field(default=TrainConfig(), description="a section")
    hardware: HardwareConfig = Field(default=HardwareConfig(), description="a section")
    verify: VerifyConfig = Field(default=VerifyConfig(), description="a section")

    @model_validator(mode="after")
    def _possible(self) -> Self:
        if self.model.relative and self.data.target not in self.data.inputs:
            raise ValueError(
                f"model.relative = true needs the target {self.data.target!r} among the inputs: "
                "add it there, or leave out relative"
            )
        self.quantization.check_names(self.model.layers)
        return self

    @property
    def relative_column(self) -> int | None:
        """Index of the target among the inputs if the model forecasts its change, else None."""
        if self.model.relative is False or self.data.target not in self.data.inputs:
            return None
        return self.data.inputs.index(self.data.target)
