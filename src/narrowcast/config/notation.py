"""Types of the keys that say how a table is written: its times, characters and missing values."""

import codecs
import datetime
import re
from typing import Annotated

from pydantic import AfterValidator, Field

from narrowcast.integer.calendar import is_timezone

# Python's text codecs that are no encodings of files.
_NO_FILES = {"idna", "mbcs", "oem", "punycode", "raw-unicode-escape", "undefined", "unicode-escape"}

_YEARS = "YyGcx"  # directives with a year


def _time_format(value: str) -> str:
    if value != "excel":
        if "%" not in value or len(value) > 100:
            raise ValueError
        directives = set(re.findall(r"%(.)", value))
        # Without a year, strptime takes 1900; without %I, it passes over %p.
        if directives.isdisjoint(_YEARS) or len(directives & {"I", "p"}) == 1:
            raise ValueError
        moment = datetime.datetime(2024, 11, 25, 13, 5, 7, tzinfo=datetime.UTC)
        try:
            datetime.datetime.strptime(moment.strftime(value), value)
        except re.error:  # a directive that is there twice
            raise ValueError from None
    return value


def _time_zone(value: str) -> str:
    if not is_timezone(value):
        raise ValueError
    return value


def _separator(value: str) -> str:
    if not value.isascii() or value.isalnum() or value in "\"\n\r.+-#'":
        raise ValueError
    return value


def _encoding(value: str) -> str:
    try:
        name = codecs.lookup(value).name
        known = "1;a".encode(value).decode(value) == "1;a"
    except (LookupError, UnicodeError):
        raise ValueError from None
    if not known or name.replace("_", "-") in _NO_FILES:
        raise ValueError
    return value


TimeFormat = Annotated[str, AfterValidator(_time_format)]
TimeZone = Annotated[str, Field(max_length=100), AfterValidator(_time_zone)]
Separator = Annotated[str, Field(min_length=1, max_length=1), AfterValidator(_separator)]
Encoding = Annotated[str, Field(max_length=40), AfterValidator(_encoding)]
MissingValue = float | Annotated[str, Field(max_length=100)]
