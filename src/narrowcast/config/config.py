"""The configuration of a run: one TOML file, checked in full before anything else happens.

The description of a field completes the sentence "must be ...": it is what somebody reads who
got the field wrong.
"""

import datetime
import difflib
import re
import tomllib
from collections.abc import Iterable, Iterator, Mapping, Sequence
from fnmatch import fnmatchcase
from pathlib import Path
from typing import Annotated, Any, Literal, Self, TypeVar

from pydantic import (
    AfterValidator,
    BaseModel,
    BeforeValidator,
    ConfigDict,
    Field,
    ValidationError,
    field_serializer,
    model_validator,
)
from pydantic_core import ErrorDetails

from narrowcast.config.tensor_names import (
    array_name,
    as_configured,
    quantised_names,
    scheme_names,
    symmetric_names,
)
from narrowcast.errors import UserError

Choice = TypeVar("Choice")

_INTERVAL = re.compile(r"(\d+(?:\.\d+)?) ?(?:ms|s|min|h|D|W)")


def did_you_mean(word: str, choices: Iterable[str]) -> str:
    """Return ``" (did you mean 'x'?)"`` for the choice nearest to ``word``, or nothing."""
    folded = {choice.lower(): choice for choice in choices}
    near = difflib.get_close_matches(word.lower(), folded, n=1)
    return f" (did you mean {folded[near[0]]!r}?)" if near else ""


def _column_name(value: object) -> object:
    # The series of the layout 'rows' are named by number, and TOML reads a bare 0 as a number.
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


def _flat(table: object) -> object:
    """Flatten a table, if it is one: TOML nests the keys of ``a.b = 4``, and so loses their order.

    Raises:
        ValueError: a rule stands after such keys, and it cannot be told which came first.
    """
    if not isinstance(table, dict):
        return table
    nested: list[str] = []
    for name, value in table.items():
        if isinstance(value, dict):
            nested += [f"{name}.{key}" for key, _ in flat_items(value)]
        elif len(same := [key for key in nested if fnmatchcase(key, name)]) > 1:
            raise ValueError(f"the order of {same[-1]} and {name!r} is lost: write both in quotes")
    return dict(flat_items(table))


def flat_items(table: Mapping[str, object]) -> Iterator[tuple[str, object]]:
    """Yield what a table and those in it hold, with dots in the keys."""
    for name, value in table.items():
        if isinstance(value, dict):
            yield from ((f"{name}.{key}", each) for key, each in flat_items(value))
        else:
            yield name, value


def _first_match(table: Mapping[str, Choice], name: str, otherwise: Choice) -> Choice:
    """Return the choice of the first rule for ``name``, else that for ``default``."""
    rules = [*table.items(), ("*", table.get("default", otherwise))]
    return next(choice for rule, choice in rules if fnmatchcase(name, rule))


def _check_rules(key: str, rules: object, names: Sequence[str]) -> None:
    for rule in rules if isinstance(rules, dict) else ():
        if rule != "default" and not any(fnmatchcase(name, rule) for name in names):
            raise ValueError(
                f"{key}: there is no {rule!r}{did_you_mean(as_configured(rule), names)}: "
                f"it may have default, {', '.join(names)}"
            )


ColumnName = Annotated[str, BeforeValidator(_column_name)]
Boundary = Annotated[float | str, BeforeValidator(_iso), AfterValidator(_boundary)]
Memory = Literal["auto", "block", "distributed"]
Scheme = Literal["adaptive", "symmetric", "asymmetric"]
Bits = Annotated[int, Field(ge=2, le=8)]


class _Section(BaseModel):
    model_config = ConfigDict(frozen=True, extra="forbid", strict=True, allow_inf_nan=False)


class SplitConfig(_Section):
    """Where the validation part and the test part start; see ``narrowcast.data.windows``."""

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


class DataConfig(_Section):
    """The table of readings, the columns used, and how windows are cut from it.

    A window has the ``window`` rows ending at time t; its ``outputs`` targets stand at t + ``lead``
    and in the rows that follow.
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


class ModelConfig(_Section):
    """The size of the Transformer; ``ffn_channels`` is 4 x ``channels`` unless given.

    ``relative``: forecast the change from the target's last known value. It is the default
    where the target is among the inputs, and impossible elsewhere.
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


class QuantizationConfig(_Section):
    """Bits of weights and activations, of the model's input, and of its output; zero points.

    ``bits`` may be a table: widths by step and tensor, such as ``"layers.*.ffn_up.activation"``,
    of which the first that matches counts, and ``default`` (8) for all others. So may ``scheme``,
    by tensor, and ``default`` (adaptive). What is adaptive has a zero point where its distribution
    asks for one; keys and values, which feed the lanes, are symmetric whatever ``default`` says.
    """

    bits: Annotated[Bits | dict[str, Bits], BeforeValidator(_flat)] = Field(
        default=8,
        description="a whole number from 2 to 8, or a table of such by step and tensor",
    )
    scheme: Annotated[Scheme | dict[str, Scheme], BeforeValidator(_flat)] = Field(
        default="adaptive",
        description="'adaptive', 'symmetric' or 'asymmetric', or a table of such by tensor",
    )
    input_bits: int = Field(default=8, ge=2, le=8, description="a whole number from 2 to 8")
    output_bits: int = Field(default=16, ge=8, le=16, description="a whole number from 8 to 16")

    def widths(self, layers: int) -> dict[str, int]:
        """Return the width of everything that has one, by the names of ``quantised_names``."""
        table = self.bits if isinstance(self.bits, dict) else {"default": self.bits}
        return {name: _first_match(table, name, 8) for name in quantised_names(layers)}

    def tensor_widths(self, layers: int) -> dict[str, int]:
        """Return the width of every tensor and of all weights, by their names in the model."""
        widths = {"input": self.input_bits, "head.output": self.output_bits}
        return widths | {array_name(name): bits for name, bits in self.widths(layers).items()}

    def schemes(self, layers: int) -> dict[str, Scheme]:
        """Return the scheme of every tensor that has one, by the names of ``scheme_names``."""
        table = self.scheme if isinstance(self.scheme, dict) else {"default": self.scheme}
        return {name: _first_match(table, name, "adaptive") for name in scheme_names(layers)}

    def check_names(self, layers: int) -> None:
        """Raise a ValueError if a rule is for nothing, or cannot be followed."""
        names, lanes = scheme_names(layers), set(symmetric_names(layers))
        _check_rules("quantization.bits", self.bits, quantised_names(layers))
        _check_rules("quantization.scheme", self.scheme, names)
        for rule, scheme in self.scheme.items() if isinstance(self.scheme, dict) else ():
            meant = {name for name in names if fnmatchcase(name, rule)}
            if scheme == "asymmetric" and meant and meant <= lanes:
                raise ValueError(
                    f"quantization.scheme: {rule!r} cannot be asymmetric: keys and values take the "
                    "place of weights, from which nothing is subtracted; choose symmetric"
                )

    @field_serializer("bits", "scheme", when_used="json")
    def _in_order(self, choice: Choice | dict[str, Choice]) -> Choice | list[tuple[str, Choice]]:
        # The order of rules matters, and objects in JSON have none.
        return list(choice.items()) if isinstance(choice, dict) else choice


class TrainConfig(_Section):
    """Training in floating point, then fine-tuning with fake quantisation.

    ``weight_decay`` is that of AdamW, in both; ``dropout``, in floating point only, is that of the
    branches beside the residual sums.

    ``level_shift``: where a change is forecast, the target's level, in every window and in what is
    to be forecast, is shifted at random in training, with this standard deviation in units of the
    scaled input: with standard scaling, of the level's own. So the model learns what holds at any
    level.
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


class StorageConfig(_Section):
    """Which memory holds what: block RAM, distributed RAM, or as the compiler sees fit."""

    weights: Memory = Field(default="auto", description="'auto', 'block' or 'distributed'")
    activations: Memory = Field(default="auto", description="'auto', 'block' or 'distributed'")
    keys: Memory = Field(default="auto", description="'auto', 'block' or 'distributed'")
    values: Memory = Field(default="auto", description="'auto', 'block' or 'distributed'")
    parameters: Memory = Field(default="auto", description="'auto', 'block' or 'distributed'")
    exponentials: Memory = Field(default="auto", description="'auto', 'block' or 'distributed'")
    softmax: Memory = Field(default="auto", description="'auto', 'block' or 'distributed'")
    program: Memory = Field(default="auto", description="'auto', 'block' or 'distributed'")
    buffers: dict[str, Memory] = Field(default={}, description="a table of single buffers")


class HardwareConfig(_Section):
    """The device and what the accelerator may take of it."""

    device: str = Field(default="xc7s15", min_length=1, description="the name of a device")
    lanes: Annotated[int, Field(ge=1)] | Literal["auto"] = Field(
        default="auto", description="a whole number, at least 1, or 'auto'"
    )
    ways: Literal[1, 2, "auto"] = Field(default="auto", description="1, 2 or 'auto'")
    pairs: bool | Literal["auto"] = Field(default="auto", description="true, false or 'auto'")
    second_way: Literal["dsp", "tables", "auto"] = Field(
        default="auto", description="'dsp', 'tables' or 'auto'"
    )
    clock_mhz: float = Field(
        default=100.0, ge=0.001, le=1000, description="a frequency in MHz, from 0.001 to 1000"
    )
    storage: StorageConfig = Field(
        default=StorageConfig(), description="a section of kinds of memory"
    )

    def choices(self) -> dict[str, Any]:
        """Return what is left to the compiler to choose, or forced, as its keyword arguments."""
        return {
            "lanes": None if self.lanes == "auto" else self.lanes,
            "ways": None if self.ways == "auto" else self.ways,
            "pairs": None if self.pairs == "auto" else self.pairs,
            "tables": None if self.second_way == "auto" else self.second_way == "tables",
            "storage": self.storage.model_dump(exclude={"buffers"}) | self.storage.buffers,
        }


class VerifyConfig(_Section):
    """How much is simulated."""

    ghdl_windows: int = Field(default=2, ge=2, description="a whole number of windows, at least 2")


class Config(_Section):
    """A whole run. ``model_dump(mode="json")`` gives plain JSON, for digests and reports."""

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
        """The input from whose last value a change is forecast; None if it is no change."""
        if self.model.relative is False or self.data.target not in self.data.inputs:
            return None
        return self.data.inputs.index(self.data.target)


def load_config(
    path: Path | str, overrides: Sequence[str] = (), data: Path | str | None = None
) -> Config:
    """Read a configuration file.

    Args:
        path: A TOML file with the sections of ``Config``.
        overrides: ``key=value`` with a dotted key, such as ``model.channels=16``. The value is
            read as TOML, and as plain text where it is no TOML.
        data: The file of readings; wins over ``data.path``. As an override is, it is relative to
            the working directory; what the file says is relative to the file's folder.

    Raises:
        UserError: On the first mistake, in one line: where, what was given, what is allowed.
    """
    path = Path(path)
    values = _read_toml(path)
    given = {_apply(values, override): override for override in overrides}
    section = values.setdefault("data", {})
    if isinstance(section, dict):
        if data is not None:
            section["path"] = Path(data)
        elif isinstance(section.get("path"), str) and "data.path" not in given:
            section["path"] = path.parent / section["path"]
    try:
        return Config.model_validate(values)
    except ValidationError as error:
        raise UserError(_first_mistake(error, path, given)) from None


def _read_toml(path: Path) -> dict[str, Any]:
    try:
        return tomllib.loads(path.read_bytes().decode("utf-8-sig"))
    except FileNotFoundError:
        raise UserError(f"{path}: no such configuration file") from None
    except OSError as error:
        raise UserError(f"{path}: cannot be read: {error.strerror}") from None
    except UnicodeDecodeError:
        raise UserError(f"{path}: not a TOML file: it is not UTF-8 text") from None
    except tomllib.TOMLDecodeError as error:
        raise UserError(f"{path}: not a valid TOML file: {error}") from None


def _apply(values: dict[str, Any], override: str) -> str:
    """Set one ``key=value`` in ``values`` and return the key."""
    key, equals, text = override.partition("=")
    *sections, last = _toml_key(key)
    if not equals or not all((*sections, last)):
        raise UserError(
            f"override {override!r}: must have the form section.key=value, "
            "such as model.channels=16"
        )
    for name in sections:
        values = values.setdefault(name, {})
        if not isinstance(values, dict):
            raise UserError(f"override {override!r}: {name!r} is not a section")
    values[last] = _toml_value(text.strip())
    return ".".join((*sections, last))


def _toml_key(text: str) -> list[str]:
    """Return the parts of a dotted key, in which parts with dots of their own are quoted."""
    try:
        rest: Any = tomllib.loads(f"{text} = 0")
    except tomllib.TOMLDecodeError:
        return text.strip().split(".")
    parts = []
    while isinstance(rest, dict):
        (part, rest), *_ = rest.items()
        parts.append(part)
    return parts


def _toml_value(text: str) -> object:
    try:
        parsed = tomllib.loads(f"value = {text}")
    except tomllib.TOMLDecodeError:
        return text
    return parsed["value"] if len(parsed) == 1 else text


def _first_mistake(error: ValidationError, path: Path, given: Mapping[str, str]) -> str:
    # A misspelt key often shows up as a missing one as well: the misspelling says more.
    mistakes = sorted(error.errors(), key=lambda mistake: mistake["type"] != "extra_forbidden")
    # Where a table may stand for a word, and does, its entries say what is wrong.
    tables = {mistake["loc"][:2] for mistake in mistakes if _entry(mistake)}
    mistakes = [m for m in mistakes if m["loc"][:2] not in tables or _entry(m)]
    explained = dict.fromkeys(map(_explain, mistakes))  # a choice of types makes several of one
    key, message = next(iter(explained))
    key = key or message.partition(":")[0]  # of several keys, the message names one
    overridden = [text for name, text in given.items() if f"{name}.".startswith(f"{key}.")]
    where = f"override {overridden[-1]!r}" if key and overridden else str(path)
    rest = f" (and {len(explained) - 1} more)" if len(explained) > 1 else ""
    return f"{where}: {message}{rest}"


def _entry(mistake: ErrorDetails) -> str:
    """Return the entry at fault of a table that may stand for a word; empty if it is none."""
    section, key, *branch = map(str, (*mistake["loc"], "", "")[:4])
    return branch[1] if section and key and branch[0].startswith("dict[") else ""


def _explain(mistake: ErrorDetails) -> tuple[str, str]:
    """Return the dotted key at fault (empty if several are) and the message."""
    section: type[BaseModel] = Config
    names: list[str] = []
    allowed: str | None = None
    for step in mistake["loc"]:
        names.append(str(step))
        field = section.model_fields.get(str(step))
        allowed = field.description if field else None
        kind = field.annotation if field else None
        if not (isinstance(kind, type) and issubclass(kind, BaseModel)):
            break
        section = kind
    key = ".".join(names)
    if mistake["type"] == "value_error" and not names:
        return "", str(mistake["ctx"]["error"])
    if mistake["type"] == "missing":
        return key, f"{key} is missing: it must be {allowed}"
    if mistake["type"] == "extra_forbidden":
        known = section.model_fields
        place = f"[{'.'.join(names[:-1])}]" if names[:-1] else "the file"
        guess = did_you_mean(names[-1], known)
        return key, f"unknown key {key}{guess}: {place} may have {', '.join(known)}"
    if mistake["type"] == "value_error" and section.__name__ != "Config" and kind is section:
        return "", f"[{key}] {mistake['ctx']['error']}"
    value = repr(mistake["input"])
    value = value if len(value) <= 60 else f"{value[:57]}..."
    text = f"{key} = {value} is not allowed: it must be {allowed}"
    if mistake["type"] == "value_error" and isinstance(mistake["input"], dict):
        text = f"{key}: {mistake['ctx']['error']}"
    elif entry := _entry(mistake):
        allowed = str(allowed).partition(", or a table")[0]
        text = f"{key}: {entry!r} = {value} is not allowed: it must be {allowed}"
    return key, text
