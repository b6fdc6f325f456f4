import hashlib
import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from narrowcast.errors import UserError
from narrowcast.integer import IntegerModel, execute, load_model, save_model
from narrowcast.integer.random_model import Shape, random_model
from narrowcast.integer.serialise import ARRAYS_NAME, JSON_NAME


@pytest.fixture
def model() -> IntegerModel:
    return random_model(Shape(4, 3, 8, layers=2, heads=2, outputs=2, relative=1), (3, 5, 8), 1)


@pytest.fixture
def saved(model: IntegerModel, tmp_path: Path) -> Path:
    save_model(model, tmp_path)
    return tmp_path


def test_round_trip(model: IntegerModel, saved: Path) -> None:
    loaded = load_model(saved)
    for field in IntegerModel.__dataclass_fields__:
        if field != "arrays":
            assert getattr(loaded, field) == getattr(model, field), field
    assert set(loaded.arrays) == set(model.arrays)
    for name, array in loaded.arrays.items():
        assert array.dtype == np.int64
        assert np.array_equal(array, model.arrays[name]), name
    inputs = np.zeros((2, 4, 3), np.int64)
    assert np.array_equal(execute(loaded, inputs), execute(model, inputs))


def test_files_are_reproducible(saved: Path, tmp_path: Path) -> None:
    save_model(load_model(saved), tmp_path / "again")
    for name in (JSON_NAME, ARRAYS_NAME):
        assert (tmp_path / "again" / name).read_bytes() == (saved / name).read_bytes()
    assert sorted(p.name for p in (tmp_path / "again").iterdir()) == [JSON_NAME, ARRAYS_NAME]


def shorten(share: float) -> Callable[[bytes], bytes]:
    return lambda content: content[: int(len(content) * share)]


def edit(change: Callable[[dict[str, Any]], None], *, seal: bool = False) -> Callable[..., bytes]:
    def apply(content: bytes) -> bytes:
        document = json.loads(content)
        change(document)
        if seal:
            del document["sha256"]
            text = json.dumps(document, sort_keys=True, separators=(",", ":")).encode()
            document["sha256"] = hashlib.sha256(text).hexdigest()
        return json.dumps(document).encode()

    return apply


@pytest.mark.parametrize(
    ("name", "damage", "message"),
    [
        (JSON_NAME, shorten(0.5), "is truncated or not JSON"),
        (JSON_NAME, shorten(0), "is truncated or not JSON"),
        (JSON_NAME, lambda _: b"\xff\xfe\x00", "is truncated or not JSON"),
        (JSON_NAME, lambda _: b"[1, 2]", "is not an integer model of version 2"),
        (
            JSON_NAME,
            edit(lambda d: d.update(schema_version=1), seal=True),
            "is not an integer model of version 2",
        ),
        (JSON_NAME, edit(lambda d: d.pop("schema_version")), "is not an integer model"),
        (JSON_NAME, edit(lambda d: d.update(window=5)), "has been altered"),
        (JSON_NAME, edit(lambda d: d["steps"][0].update(shift=3)), "has been altered"),
        (JSON_NAME, edit(lambda d: d.pop("sha256")), "has been altered"),
        (ARRAYS_NAME, shorten(0.9), "does not belong to integer_model.json"),
        (ARRAYS_NAME, shorten(0), "does not belong to integer_model.json"),
        (
            ARRAYS_NAME,
            lambda b: b[:-1] + bytes([b[-1] ^ 1]),
            "does not belong to integer_model.json",
        ),
    ],
)
def test_damaged_file(
    saved: Path, name: str, damage: Callable[[bytes], bytes], message: str
) -> None:
    path = saved / name
    path.write_bytes(damage(path.read_bytes()))
    with pytest.raises(UserError) as caught:
        load_model(saved)
    check_line(str(caught.value), path, message)


@pytest.mark.parametrize("name", [JSON_NAME, ARRAYS_NAME])
def test_missing_file(saved: Path, name: str) -> None:
    (saved / name).unlink()
    with pytest.raises(UserError) as caught:
        load_model(saved)
    check_line(str(caught.value), saved / name, "there is no such file")


def check_line(text: str, path: Path, message: str) -> None:
    assert "\n" not in text
    assert text.startswith(str(path)) and message in text
    assert "narrowcast quantize" in text


def test_unreadable_file(saved: Path) -> None:
    (saved / JSON_NAME).unlink()
    (saved / JSON_NAME).mkdir()
    with pytest.raises(UserError, match="cannot be read") as caught:
        load_model(saved)
    assert "\n" not in str(caught.value)


def test_arrays_that_are_sealed_but_no_safetensors(saved: Path) -> None:
    (saved / ARRAYS_NAME).write_bytes(b"nothing")
    digest = hashlib.sha256(b"nothing").hexdigest()
    path = saved / JSON_NAME
    path.write_bytes(edit(lambda d: d.update(arrays_sha256=digest), seal=True)(path.read_bytes()))
    with pytest.raises(UserError, match="cannot be read") as caught:
        load_model(saved)
    assert "\n" not in str(caught.value)


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
