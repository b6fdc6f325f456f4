import hashlib
import json
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from integer_graphs import random_inputs, random_spec
from mutate_models import with_further_inputs

from graphs import with_decoders
from narrowcast.errors import UserError
from narrowcast.integer import (
    Affine,
    Calendar,
    Forecast,
    IntegerModel,
    Output,
    execute,
    load_model,
    save_model,
)
from narrowcast.integer.builder import Shape
from narrowcast.integer.random_model import random_graph, random_model
from narrowcast.integer.serialise import ARRAYS_NAME, JSON_NAME, seal


@pytest.fixture
def model() -> IntegerModel:
    shape = Shape(4, 3, 8, layers=2, heads=2, outputs=2, relative=(1,))
    made = random_model(shape, (3, 5, 8), 1)
    decoder = Forecast("y", Affine((0.0, -1.5), (1e-9, 3.0)), quantiles=(0.1, 0.5))
    return replace(
        made,
        inputs=(
            replace(
                made.inputs[0],
                columns=("a", "month.sin", "month.cos"),
                relative=(0,),
                calendar=Calendar(("month",), "Asia/Tokyo"),
                held=6,
                interpolated=True,
            ),
        ),
        outputs=(Output("head.output", (decoder,)),),
        metadata={"window": 4, "target": "y\n", "rmse": 0.5, "relative": True, "none": None},
    )


@pytest.fixture
def saved(model: IntegerModel, tmp_path: Path) -> Path:
    save_model(model, tmp_path)
    return tmp_path


def assert_alike(loaded: IntegerModel, model: IntegerModel) -> None:
    for field in IntegerModel.__dataclass_fields__:
        if field != "arrays":
            assert getattr(loaded, field) == getattr(model, field), field
    assert set(loaded.arrays) == set(model.arrays)
    for name, array in loaded.arrays.items():
        assert array.dtype == np.int64
        assert np.array_equal(array, model.arrays[name]), name


def test_round_trip(model: IntegerModel, saved: Path) -> None:
    loaded = load_model(saved)
    assert_alike(loaded, model)
    inputs = random_inputs(model, 2)
    results = execute(model, inputs)
    for name, integers in execute(loaded, inputs).items():
        assert np.array_equal(integers, results[name])


@settings(max_examples=20)
@given(st.integers(0, 10**6))
def test_round_trip_of_any_graph(tmp_path_factory: pytest.TempPathFactory, seed: int) -> None:
    model = random_graph(random_spec(seed), (2, 5, 8), seed)
    folder = tmp_path_factory.mktemp("model")
    save_model(model, folder)
    assert_alike(load_model(folder), model)


def test_round_trip_of_further_inputs(tmp_path: Path) -> None:
    model = with_further_inputs()
    assert [(each.earlier is None, each.ahead is None) for each in model.inputs] == [
        (True, True),
        (False, True),
        (True, False),
    ]
    save_model(model, tmp_path)
    assert_alike(load_model(tmp_path), model)


@pytest.mark.parametrize("seed", range(4))
def test_round_trip_of_decisions(tmp_path: Path, seed: int) -> None:
    model = with_decoders(random_graph(random_spec(seed, decides=True), (2, 8), seed))
    save_model(model, tmp_path)
    assert_alike(load_model(tmp_path), model)


def test_files_are_reproducible(saved: Path, tmp_path: Path) -> None:
    save_model(load_model(saved), tmp_path / "again")
    for name in (JSON_NAME, ARRAYS_NAME):
        assert (tmp_path / "again" / name).read_bytes() == (saved / name).read_bytes()
    assert sorted(p.name for p in (tmp_path / "again").iterdir()) == [JSON_NAME, ARRAYS_NAME]


Damage = Callable[[bytes], bytes]


def shorten(share: float) -> Damage:
    return lambda content: content[: int(len(content) * share)]


def edit(change: Callable[[dict[str, Any]], object]) -> Damage:
    def apply(content: bytes) -> bytes:
        document = json.loads(content)
        change(document)
        return json.dumps(document).encode()

    return apply


@pytest.mark.parametrize(
    ("name", "damage", "message"),
    [
        (JSON_NAME, shorten(0.5), "is truncated or not JSON"),
        (JSON_NAME, shorten(0), "is truncated or not JSON"),
        (JSON_NAME, lambda _: b"\xff\xfe\x00", "is truncated or not JSON"),
        (JSON_NAME, lambda _: b"[" * 100_000, "is truncated or not JSON"),
        (JSON_NAME, lambda _: b"[1, 2]", "is no integer model"),
        (JSON_NAME, edit(lambda d: d.update(schema_version=5)), "is of schema version 5, not 10"),
        (JSON_NAME, edit(lambda d: d.update(schema_version=True)), "is of schema version True"),
        (JSON_NAME, edit(lambda d: d.update(schema_version="a\nb")), r"version 'a\nb', not 10"),
        (JSON_NAME, edit(lambda d: d.pop("schema_version")), "is no integer model"),
        (JSON_NAME, edit(lambda d: d["tensors"][0].update(rows=5)), "has been altered"),
        (JSON_NAME, edit(lambda d: d["operations"][0].update(shift=3)), "has been altered"),
        (JSON_NAME, edit(lambda d: d.pop("sha256")), "has been altered"),
        (ARRAYS_NAME, shorten(0.9), "does not belong to integer_model.json"),
        (ARRAYS_NAME, shorten(0), "does not belong to integer_model.json"),
        (ARRAYS_NAME, lambda b: b[:-1] + bytes([b[-1] ^ 1]), "does not belong to integer_model"),
    ],
)
def test_damaged_file(saved: Path, name: str, damage: Damage, message: str) -> None:
    path = saved / name
    path.write_bytes(damage(path.read_bytes()))
    assert_refused(saved, path, message)


def assert_refused(folder: Path, path: Path, message: str) -> None:
    with pytest.raises(UserError) as caught:
        load_model(folder)
    text = str(caught.value)
    assert "\n" not in text and text.startswith(str(path)) and message in text, text
    assert "run 'narrowcast quantize' again" in text


DETECTION = {"kind": "detection", "target": ["y"]}


@pytest.mark.parametrize(
    ("change", "message"),
    [
        (lambda d: d.pop("tensors"), "tensors: field required"),
        (lambda d: d.update(more=1), "more: extra inputs are not permitted"),
        (lambda d: d["tensors"][1].update(rows="4"), "tensors.1.rows: input should be a valid int"),
        (lambda d: d["tensors"][1].update(rows=4.0), "tensors.1.rows: input should be a valid int"),
        (lambda d: d["tensors"][1].pop("bits"), "tensors.1.bits: field required"),
        (lambda d: d["operations"][0].update(kind="a\nb"), "input tag 'a b' found using"),
        (lambda d: d["operations"][0].update(relu=1), "relu: input should be a valid boolean"),
        (lambda d: d["tensors"].append(d["tensors"][0]), "two tensors are called 'input'"),
        (lambda d: d["outputs"][0]["decoders"][0].update(kind="class"), "input tag 'class' found"),
        (
            lambda d: d["outputs"][0].update(decoders=[DETECTION]),
            "head.output: has a Detection, but",
        ),
        (lambda d: d["operations"][0].update(shift=25), "Linear embed: shift is 25"),
        (lambda d: d.update(metadata=[]), "metadata: input should be an object"),
        (lambda d: d["tensors"][0].update(name="x" * 200), "a tensor: 'xxx"),
    ],
)
def test_a_sealed_file_that_says_something_wrong(
    saved: Path, change: Callable[[dict[str, Any]], object], message: str
) -> None:
    path = saved / JSON_NAME
    document = json.loads(path.read_bytes())
    change(document)
    path.write_text(json.dumps(seal(document, (saved / ARRAYS_NAME).read_bytes())))
    assert_refused(saved, path, message)


@pytest.mark.parametrize("name", [JSON_NAME, ARRAYS_NAME])
def test_missing_file(saved: Path, name: str) -> None:
    (saved / name).unlink()
    assert_refused(saved, saved / name, "there is no such file")


@pytest.mark.parametrize("name", [JSON_NAME, ARRAYS_NAME])
def test_unreadable_file(saved: Path, name: str) -> None:
    (saved / name).unlink()
    (saved / name).mkdir()
    with pytest.raises(UserError, match="cannot be read") as caught:
        load_model(saved)
    assert "\n" not in str(caught.value)


@pytest.mark.parametrize("content", [b"nothing", b"", b"\xff" * 64])
def test_arrays_that_are_sealed_but_no_safetensors(saved: Path, content: bytes) -> None:
    (saved / ARRAYS_NAME).write_bytes(content)
    path = saved / JSON_NAME
    path.write_text(json.dumps(seal(json.loads(path.read_bytes()), content)))
    assert_refused(saved, saved / ARRAYS_NAME, "cannot be read")


def test_the_digest_is_that_of_the_canonical_document(saved: Path) -> None:
    """As ``docs/integer-model.md`` describes it, for readers in other languages."""
    document = json.loads((saved / JSON_NAME).read_bytes())
    digest = document.pop("sha256")
    text = json.dumps(document, sort_keys=True, separators=(",", ":")).encode()
    assert hashlib.sha256(text).hexdigest() == digest
    packed = (saved / ARRAYS_NAME).read_bytes()
    assert hashlib.sha256(packed).hexdigest() == document["arrays_sha256"]


def test_old_outputs_stay_when_the_new_cannot_be_written(
    saved: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    old = {name: (saved / name).read_bytes() for name in (JSON_NAME, ARRAYS_NAME)}

    def full_disk(_: int) -> None:
        raise OSError(28, "No space left on device")

    monkeypatch.setattr("os.fsync", full_disk)
    other = random_model(Shape(3, 2, 4), (8,), 2)
    with pytest.raises(UserError, match="cannot be written: No space left") as caught:
        save_model(other, saved)
    assert "\n" not in str(caught.value)
    assert {p.name: p.read_bytes() for p in saved.iterdir()} == old


@pytest.mark.parametrize("wide", [2**31, -(2**31) - 1, 2**33 + 5])
def test_an_integer_too_wide_for_the_file_is_refused(
    model: IntegerModel, tmp_path: Path, wide: int
) -> None:
    model.arrays["head.bias"][0] = wide
    with pytest.raises(ValueError, match=r"head\.bias"):
        save_model(model, tmp_path)
    assert list(tmp_path.iterdir()) == []
