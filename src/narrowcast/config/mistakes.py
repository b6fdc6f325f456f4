"""Error messages for invalid configurations, each in one line."""

import difflib
import textwrap
from collections.abc import Iterable, Mapping
from pathlib import Path

from pydantic import BaseModel, ValidationError
from pydantic_core import ErrorDetails

from narrowcast.errors import shown, shown_key

_EXPLAINED = 50  # mistakes at most
_LONGEST_LIST = 230  # characters


def did_you_mean(word: str, choices: Iterable[str]) -> str:
    """Return ``" (did you mean 'x'?)"`` with the choice closest to ``word``, or an empty string."""
    folded = {choice.lower(): choice for choice in choices}
    near = difflib.get_close_matches(word.lower(), folded, n=1)
    return f" (did you mean {folded[near[0]]!r}?)" if near else ""


def first_mistake(
    error: ValidationError, root: type[BaseModel], path: Path, given: Mapping[str, str]
) -> str:
    """Return one line on the first mistake: the key, its value, and the allowed values.

    Args:
        error: Errors of the validation.
        root: Class of the whole configuration.
        path: The configuration file.
        given: Overrides, by the dotted keys that they set.
    """
    # A misspelt key often causes a missing key as well. The misspelling is reported first.
    mistakes = sorted(
        error.errors(include_url=False),
        key=lambda mistake: mistake["type"] != "extra_forbidden",
    )
    # If a key allows a word or a table and has a table, only the errors of its entries apply.
    tables = {mistake["loc"][:2] for mistake in mistakes if _entry(mistake)}
    mistakes = [m for m in mistakes if m["loc"][:2] not in tables or _entry(m)]
    explained = dict.fromkeys(
        _explain(each, root) for each in mistakes[:_EXPLAINED]
    )  # without duplicates: a union of types reports one mistake several times
    key, message = next(iter(explained))
    key = key or message.partition(":")[0]  # if several keys conflict, the message names one
    overridden = [text for name, text in given.items() if f"{name}.".startswith(f"{key}.")]
    where = f"override {shown(overridden[-1])}" if key and overridden else str(path)
    least = "at least " if len(mistakes) > _EXPLAINED else ""
    rest = f" (and {least}{len(explained) - 1} more)" if len(explained) > 1 else ""
    return f"{where}: {message}{rest}"


def _entry(mistake: ErrorDetails) -> str:
    """Return the invalid entry of a table of rules; empty if the mistake is not in such a table."""
    section, key, *branch = map(str, (*mistake["loc"], "", "")[:4])
    return branch[1] if section and key and branch[0].startswith("dict[") else ""


def _explain(mistake: ErrorDetails, root: type[BaseModel]) -> tuple[str, str]:
    """Return the invalid dotted key (empty if several are involved) and the message."""
    section = root
    names: list[str] = []
    allowed: str | None = None
    for step in mistake["loc"]:
        names.append(shown_key(str(step)))
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
        guess = did_you_mean(str(mistake["loc"][len(names) - 1]), known)
        listed = textwrap.shorten(", ".join(known), _LONGEST_LIST, placeholder=" ...")
        return key, f"unknown key {key}{guess}: {place} may have {listed}"
    if mistake["type"] == "value_error" and section is not root and kind is section:
        return "", f"[{key}] {mistake['ctx']['error']}"
    value = shown(mistake["input"])
    text = f"{key} = {value} is not allowed: it must be {allowed}"
    if mistake["type"] == "value_error" and isinstance(mistake["input"], dict):
        text = f"{key}: {mistake['ctx']['error']}"
    elif entry := _entry(mistake):
        allowed = str(allowed).partition(", or a table")[0]
        text = f"{key}: {shown(entry)} = {value} is not allowed: it must be {allowed}"
    return key, text
