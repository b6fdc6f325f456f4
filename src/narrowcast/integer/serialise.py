"""Save and load an integer model: ``integer_model.json`` and ``integer_model.safetensors``."""

import json
from dataclasses import asdict
from pathlib import Path
from typing import Annotated, Any, Literal

import numpy as np
from pydantic import BaseModel, ConfigDict, Field, ValidationError
from safetensors import SafetensorError
from safetensors.numpy import load, save

from narrowcast.digests import DIGEST, digest, document_digest, sealed
from narrowcast.errors import UserError, one_line, shown
from narrowcast.files import write_whole
from narrowcast.integer.analysis import analyse
from narrowcast.integer.calendar import Calendar
from narrowcast.integer.model import (
    SCHEMA_VERSION,
    Affine,
    Append,
    ArgMax,
    Array,
    Classification,
    Context,
    Decoder,
    Detection,
    EarlierReadings,
    Forecast,
    Input,
    IntegerModel,
    L1Norm,
    LastReading,
    Linear,
    Operation,
    Output,
    RowSum,
    Scalar,
    Scores,
    Tensor,
    ValuesAhead,
)
from narrowcast.integer.validate import check_distinct

JSON_NAME = "integer_model.json"
ARRAYS_NAME = "integer_model.safetensors"
AGAIN = "run 'narrowcast quantize' again"


class _Entry(BaseModel):
    """A part of the file, with exactly the fields and types of a dataclass."""

    model_config = ConfigDict(strict=True, extra="forbid", frozen=True)

    def values(self) -> dict[str, Any]:
        """Return all fields except ``kind``."""
        return {name: value for name, value in self if name != "kind"}


class _Tensor(_Entry):
    name: str
    rows: int
    columns: int
    bits: int
    scale: float
    zero_point: int
    restricted: bool
    state: bool


class _Affine(_Entry):
    offset: tuple[float, ...]
    scale: tuple[float, ...]


class _Calendar(_Entry):
    features: tuple[str, ...]
    timezone: str


class _EarlierReadings(_Entry):
    input: str
    column: int
    rows: tuple[int, ...]


class _ValuesAhead(_Entry):
    input: str
    columns: tuple[str, ...]
    rows: tuple[int, ...]


class _Input(_Entry):
    tensor: str
    columns: tuple[str, ...]
    scaling: _Affine
    relative: tuple[int, ...]
    calendar: _Calendar | None
    earlier: _EarlierReadings | None
    held: int
    masked: bool
    interpolated: bool
    ahead: _ValuesAhead | None
    shared: int | None


class _LastReading(_Entry):
    input: str
    column: int


class _Forecast(_Entry):
    kind: Literal["forecast"]
    target: str
    scaling: _Affine
    added: _LastReading | None
    quantiles: tuple[float, ...]


class _Classification(_Entry):
    kind: Literal["classification"]
    target: str
    labels: tuple[str, ...]


class _Detection(_Entry):
    kind: Literal["detection"]
    target: tuple[str, ...]


_AnyDecoder = _Forecast | _Classification | _Detection
_Decoder = Annotated[_AnyDecoder, Field(discriminator="kind")]


class _Output(_Entry):
    tensor: str
    decoders: tuple[_Decoder, ...]


class _Linear(_Entry):
    kind: Literal["linear"]
    name: str
    operand: str
    output: str
    weights: str
    weight_bits: int
    bias: str
    multiplier: str
    shift: int
    operand_row: int
    kernel: int
    stride: int
    residual: str | None
    residual_multiplier: str | None
    residual_shift: int
    residual_row: int
    residual_element: tuple[int, int] | None
    relu: bool


class _RowSum(_Entry):
    kind: Literal["row_sum"]
    name: str
    operand: str
    output: str


class _Append(_Entry):
    kind: Literal["append"]
    name: str
    operand: str
    output: str


class _Scores(_Entry):
    kind: Literal["scores"]
    name: str
    operand: str
    key: str
    output: str
    heads: int
    multiplier: int
    shift: int
    table: str
    bias: str | None


class _Context(_Entry):
    kind: Literal["context"]
    name: str
    operand: str
    value: str
    output: str
    heads: int
    numerator: int
    shift: int


class _ArgMax(_Entry):
    kind: Literal["arg_max"]
    name: str
    operand: str
    output: str


class _L1Norm(_Entry):
    kind: Literal["l1_norm"]
    name: str
    operand: str
    output: str
    threshold: int


_AnyOperation = _Linear | _RowSum | _Append | _Scores | _Context | _ArgMax | _L1Norm
_Operation = Annotated[_AnyOperation, Field(discriminator="kind")]


class _Document(_Entry):
    schema_version: Literal[10]
    inputs: tuple[_Input, ...]
    outputs: tuple[_Output, ...]
    tensors: tuple[_Tensor, ...]
    operations: tuple[_Operation, ...]
    metadata: dict[str, Scalar]


def _operation(entry: _AnyOperation) -> Operation:
    made: Operation = _OPERATIONS[type(entry)](**entry.values())
    return made


_OPERATIONS: dict[type[_AnyOperation], type[Operation]] = {
    _Linear: Linear,
    _RowSum: RowSum,
    _Append: Append,
    _Scores: Scores,
    _Context: Context,
    _ArgMax: ArgMax,
    _L1Norm: L1Norm,
}
_KINDS = {
    Linear: "linear",
    RowSum: "row_sum",
    Append: "append",
    Scores: "scores",
    Context: "context",
    ArgMax: "arg_max",
    L1Norm: "l1_norm",
    Forecast: "forecast",
    Classification: "classification",
    Detection: "detection",
}


def _affine(entry: _Affine) -> Affine:
    return Affine(entry.offset, entry.scale)


def _input(each: _Input) -> Input:
    calendar = None if each.calendar is None else Calendar(**each.calendar.values())
    earlier = None if each.earlier is None else EarlierReadings(**each.earlier.values())
    scaling = _affine(each.scaling)
    ahead = None if each.ahead is None else ValuesAhead(**each.ahead.values())
    given = each.held, each.masked, each.interpolated, ahead, each.shared
    return Input(each.tensor, each.columns, scaling, each.relative, calendar, earlier, *given)


def _decoder(entry: _AnyDecoder) -> Decoder:
    match entry:
        case _Forecast():
            added = None if entry.added is None else LastReading(**entry.added.values())
            return Forecast(entry.target, _affine(entry.scaling), added, entry.quantiles)
        case _Classification():
            return Classification(**entry.values())
        case _Detection():
            return Detection(**entry.values())


def _output(entry: _Output) -> Output:
    return Output(entry.tensor, tuple(map(_decoder, entry.decoders)))


def _with_kind(part: Operation | Decoder) -> dict[str, Any]:
    """Return the fields of a part of the file, and which kind it is."""
    return {"kind": _KINDS[type(part)], **asdict(part)}


def seal(document: dict[str, Any], arrays: bytes) -> dict[str, Any]:
    """Return a document with the digests of the arrays' file and of the document itself."""
    others = {k: v for k, v in document.items() if k != "arrays_sha256"}
    return sealed({**others, "arrays_sha256": digest(arrays)})


def save_model(model: IntegerModel, folder: Path) -> None:
    """Write both files of the model to ``folder``, the JSON file with the digests last.

    Raises:
        UserError: A file cannot be written.
        ValueError: The model is not valid.
    """
    analyse(model)
    arrays = save({k: np.ascontiguousarray(v, np.int32) for k, v in model.arrays.items()})
    document = {
        "schema_version": SCHEMA_VERSION,
        "inputs": [asdict(each) for each in model.inputs],
        "outputs": [
            {"tensor": each.tensor, "decoders": list(map(_with_kind, each.decoders))}
            for each in model.outputs
        ],
        "tensors": [asdict(each) for each in model.tensors.values()],
        "operations": list(map(_with_kind, model.operations)),
        "metadata": dict(model.metadata),
    }
    whole = seal(json.loads(json.dumps(document)), arrays)
    write_whole(folder / ARRAYS_NAME, arrays)
    write_whole(folder / JSON_NAME, (json.dumps(whole, indent=1) + "\n").encode())


def load_model(folder: Path | str) -> IntegerModel:
    """Read the model from ``folder`` and validate it.

    Raises:
        UserError: A file is missing, truncated, altered or of another schema version, or the model
            is not valid.
    """
    folder = Path(folder)
    path, arrays_path = folder / JSON_NAME, folder / ARRAYS_NAME
    document = _read_document(path)
    try:
        packed = arrays_path.read_bytes()
    except FileNotFoundError:
        raise UserError(f"{arrays_path}: there is no such file; {AGAIN}") from None
    except OSError as error:
        raise UserError(f"{arrays_path}: cannot be read: {error.strerror}") from None
    if document.pop("arrays_sha256", None) != digest(packed):
        raise UserError(f"{arrays_path}: does not belong to {path.name}; {AGAIN}")
    try:
        parsed = _Document.model_validate_json(json.dumps(document))
    except ValidationError as error:
        raise UserError(f"{path}: {one_line(error)}; {AGAIN}") from None
    arrays = _read_arrays(packed, arrays_path)
    try:
        check_distinct([each.name for each in parsed.tensors], "two tensors are called")
        model = IntegerModel(
            inputs=tuple(map(_input, parsed.inputs)),
            outputs=tuple(map(_output, parsed.outputs)),
            tensors={each.name: Tensor(**each.values()) for each in parsed.tensors},
            operations=tuple(map(_operation, parsed.operations)),
            arrays=arrays,
            metadata=parsed.metadata,
        )
        analyse(model)
    except ValueError as error:
        raise UserError(f"{path}: {one_line(error)}; {AGAIN}") from None
    return model


def model_sha256(folder: Path | str) -> str:
    """Return the digest of the model in ``folder``, ``sha256`` in its file, which names the model.

    Raises:
        UserError: The file is missing, altered or of another schema version.
    """
    return document_digest(_read_document(Path(folder) / JSON_NAME))


def _read_document(path: Path) -> dict[str, Any]:
    """Read the JSON, and check its version and its digest."""
    try:
        document = json.loads(path.read_bytes())
        stated = document.pop(DIGEST, None) if isinstance(document, dict) else None
        found = document_digest(document)
    except FileNotFoundError:
        raise UserError(f"{path}: there is no such file; {AGAIN}") from None
    except OSError as error:
        raise UserError(f"{path}: cannot be read: {error.strerror}") from None
    except (ValueError, RecursionError):
        raise UserError(f"{path}: is truncated or not JSON; {AGAIN}") from None
    version = document.get("schema_version") if isinstance(document, dict) else None
    if version != SCHEMA_VERSION or isinstance(version, bool):
        raise UserError(
            f"{path}: is of schema version {shown(version)}, not {SCHEMA_VERSION}; {AGAIN}"
            if version is not None
            else f"{path}: is no integer model; {AGAIN}"
        )
    if stated != found:
        raise UserError(f"{path}: has been altered: its digest does not match; {AGAIN}")
    whole: dict[str, Any] = document
    return whole


def _read_arrays(packed: bytes, path: Path) -> dict[str, Array]:
    try:
        arrays = load(packed)
    except (SafetensorError, ValueError, KeyError, TypeError) as error:
        text = shown(str(error))
        raise UserError(f"{path}: cannot be read: {text}; {AGAIN}") from None
    for name, array in arrays.items():
        if array.dtype != np.int32:
            raise UserError(f"{path}: array {shown(name)} is of {array.dtype}, not of int32")
    return {name: array.astype(np.int64) for name, array in arrays.items()}
