"""A table in text that arrives row by row through a pipe.

Forecasts rest on a limited number of rows, so only the last ones are kept. They are read anew with
each arrival, by the code that reads files: a row means the same in both.
"""

import codecs
from collections.abc import Iterator
from io import BufferedReader
from pathlib import Path

from narrowcast.config import HOLIDAY, DataConfig
from narrowcast.data.read import FEW, read_rows_so_far
from narrowcast.data.source import GZIP
from narrowcast.data.table import Table
from narrowcast.data.text import decode, find_header, header_may_follow, records
from narrowcast.errors import UserError, boundary

_PLACE = Path("-")  # in messages
_CHUNK = 1 << 20
_LONGEST = 8 << 20  # bytes of a row
_UNITS = ("utf-16", "utf-32")  # encodings whose characters are not bytes
_WIDE = (codecs.BOM_UTF16_LE, codecs.BOM_UTF16_BE)  # with which UTF-32 begins, too


def needs_end(config: DataConfig, source: BufferedReader) -> str | None:
    """Return why a table can be read only when it is complete; None if rows can be read one by one.

    Args:
        config: The configuration of the training.
        source: The table, of which nothing is taken.
    """
    if config.resample is not None:
        return "data.resample groups rows"
    if set(config.known) - {HOLIDAY}:
        return "columns known ahead are in later rows"
    if config.layout == "rows":
        return "each row is a series"
    if config.id is not None or config.reference is not None:
        return "the first rows of each series say its level"
    wide = config.encoding is not None and codecs.lookup(config.encoding).name[:6] in _UNITS
    begin = source.peek(1)
    if wide or begin.startswith((GZIP, b"PAR1", *_WIDE)):
        return "this is no text of lines"
    return None


def tables_so_far(
    config: DataConfig, source: BufferedReader, kept: int
) -> Iterator[tuple[Table, int]]:
    """Yield a table with the last rows whenever rows have arrived, and how many came before it.

    Args:
        config: The configuration of the training, with the interval of the table it had.
        source: The table in text. It is read as its lines arrive.
        kept: How many rows stay in the table besides new ones.

    Raises:
        UserError: The input is no table, lacks a column, or holds what is no reading.
    """
    wanted = [name for name in config.inputs if name != HOLIDAY]
    text, header, repeated, single = b"", b"", b"", False
    rows: list[bytes] = []
    passed, skipped, kept = 0, config.skip_rows, max(kept, FEW)
    for lines, last in _lines(source):
        text += decode(lines, config, _PLACE)
        if not header:
            if not last and header_may_follow(text, config, wanted):
                continue
            if not text.strip():
                break
            with boundary(str(_PLACE), "this is no table"):
                found = find_header(text, config, wanted, _PLACE)
            header, text, single = text[: found.end], text[found.end :], len(found.names) == 1
            repeated = found.line.removesuffix(b"\n")
        # In a table of one column, an empty line is a missing value.
        new = [row for row in records(text) if row.strip() or (single and text)]
        new = [row for row in new if row != repeated]
        new, skipped, text = new[skipped:], max(0, skipped - len(new)), b""
        if not new:
            continue
        passed += max(0, len(rows) - kept)
        rows = [*rows[-kept:], *new]
        content = header + b"\n".join(rows) + b"\n"
        yield read_rows_so_far(content, config, _PLACE, passed + config.skip_rows), passed
    if not rows:
        reason = "has no readings, only a header" if header else "the file is empty"
        raise UserError(f"{_PLACE}: {reason}")


def _lines(source: BufferedReader) -> Iterator[tuple[bytes, bool]]:
    """Yield whole lines as they arrive, and whether they are the last ones.

    Raises:
        UserError: The pipe cannot be read, or a row has no end.
    """
    waiting = b""
    while True:
        try:
            chunk = source.read1(_CHUNK)
        except OSError as error:
            raise UserError(f"{_PLACE}: cannot be read: {error.strerror or error}") from None
        waiting += chunk
        end = len(waiting) if not chunk else waiting.rfind(b"\n") + 1
        if waiting.count(b'"', 0, end) % 2 and chunk:
            end = 0  # a quoted line feed
        if end or not chunk:
            yield waiting[:end], not chunk
        waiting = waiting[end:]
        if not chunk:
            return
        if len(waiting) > _LONGEST:
            raise UserError(
                f"{_PLACE}: a row is longer than {_LONGEST >> 20} MiB, or a quotation mark is not "
                "closed"
            )
