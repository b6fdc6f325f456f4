"""What is wrong with a configuration, in one line for the person who wrote it."""

import difflib
from collections.abc import Iterable, Mapping
from pathlib import Path

from pydantic import BaseModel, ValidationError
from pydantic_core import ErrorDetails


def did_you_mean(word: str, choices: Iterable[str]) -> str:
    """Return ``" (did you mean 'x'?)"`` for the choice nearest to ``word``, or nothing."""
    folded = {choice.lower(): choice for choice in choices}
    near = difflib.get_close_matches(word.lower(), folded, n=1)
    return f" (did you mean {folded[near[0]]!r}?)" if near else ""


def first_mistake(
    error: ValidationError, root: type[BaseModel], path: Path, given: Mapping[str, str]
) -> str:
    """Return one line on the first mistake: where, what was given, what is allowed.

    Args:
        error: What the validation found.
        root: The whole configuration's class.
        path: The file.
        given: Overrides by the dotted keys that they set.
    """
    # A misspelt key often shows up as a missing one as well: the misspelling says more.
    mistakes = sorted(error.errors(), key=lambda mistake: mistake["type"] != "extra_forbidden")
    # Where a table may stand for a word, and does, its entries say what is wrong.
    tables = {mistake["loc"][:2] for mistake in mistakes if _entry(mistake)}
    mistakes = [m for m in mistakes if m["loc"][:2] not in tables or _entry(m)]
    explained = dict.fromkeys(
        _explain(each, root) for each in mistakes
    )  # a choice of types makes several of one
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


def _explain(mistake: ErrorDetails, root: type[BaseModel]) -> tuple[str, str]:
    """Return the dotted key at fault (empty if several are) and the message."""
    section = root
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
    if mistake["type"] == "value_error" and section is not root and kind is section:
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
