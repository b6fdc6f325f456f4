"""Tables as text: encoding, header, separator, comments and rows.

The header is the first line that names all columns in use. So lines above it, such as the name of
a station, need no key. The separator is the one that makes the line a header.
"""

import codecs
import csv
import io
import itertools
import re
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.csv

from narrowcast.config import DataConfig
from narrowcast.data.columns import Columns, find, places, selected, times_of
from narrowcast.data.series import may_tell_series
from narrowcast.errors import UserError, one_line, shown

HEAD = 1_000_000
"""Number of bytes in which the header must lie."""

_HEAD_LINES = 100
_HEADER_LINES = 10  # of a header whose names hold line feeds
_SAMPLE_LINES = 100
_MOST_COLUMNS = 20_000
_BLOCK = 8 << 20  # bytes that are parsed at a time; no row is longer
_SEPARATORS = ("\t", ";", "|", ",", " ")
_MARKS = {
    codecs.BOM_UTF8: "utf-8",
    codecs.BOM_UTF32_LE: "utf-32",
    codecs.BOM_UTF32_BE: "utf-32",
    codecs.BOM_UTF16_LE: "utf-16",
    codecs.BOM_UTF16_BE: "utf-16",
}
_CHUNK = 1 << 20
# A line whose first field is #N/A is no comment.
_COMMENT = re.compile(rb"^#(?!N/A\b)[^\n]*\n?", re.MULTILINE)
_EXCELS_SEPARATOR = re.compile(r'"?sep=(.)"?')  # a first line for Excel
_READING = re.compile(r"[+-]?[.,]?\d|$")  # how a number, a date or an empty field begins
_FIELD_ENDS = re.compile(r'[",;|\t]')
_TEXT = pa.string()


@dataclass(frozen=True)
class Header:
    """The header of a table in text.

    Attributes:
        names: Names of the columns.
        separator: The character between fields.
        end: Byte at which the rows begin.
        above: Number of lines above the header, without comments.
    """

    names: list[str]
    separator: str
    end: int
    above: int


def read_text(
    content: bytes,
    config: DataConfig,
    wanted: Sequence[str],
    path: Path,
    passed: int = 0,
) -> Columns:
    """Return the columns of a table in text, as text.

    Args:
        content: The file's content.
        config: How the file is written.
        wanted: Names of the columns in use.
        path: The file, for messages.
        passed: Number of rows that came before these, for messages.

    Raises:
        UserError: The text is not a regular table, or lacks a column.
    """
    content = decode(content, config, path)
    if config.layout == "rows":
        return _read_series(content, config, wanted, path)
    header = find_header(content, config, wanted, path)
    content, start = _below(content, header, config)
    if not re.compile(rb"\S").search(content, start):
        raise UserError(f"{path}: has no readings, only a header")
    names = header.names
    wanted = selected(config, wanted, names)
    keys = dict(zip(wanted, find(wanted, names, path), strict=True))
    times = find(config.time_columns, names, path)
    others = _others(content[start : start + HEAD], header, {*keys.values(), *times})
    kinds = {str(each): _TEXT for each in (*keys.values(), *times)}
    kinds |= {str(each): pa.dictionary(pa.int32(), _TEXT) for each in others}
    table = _parse(content, start, header, kinds, config.skip_rows + passed, path)
    if times:
        table = without_empty_end(table, [str(each) for each in (*times, *keys.values())])
    lines = f"{header.above} lines" if header.above > 1 else "1 line"
    return Columns(
        readings={name: table[str(each)] for name, each in keys.items()},
        time=times_of([table[str(each)] for each in times], config.time_format),
        others={names[each]: table[str(each)] for each in others},
        decimal_comma=header.separator in ";\t",
        notes=(f"{lines} above the header passed over",) if header.above else (),
    )


def decode(content: bytes, config: DataConfig, path: Path, *, whole: bool = True) -> bytes:
    """Return a text as UTF-8 without a mark, with line feeds between lines.

    Args:
        content: The text.
        config: Names the encoding, if it is not UTF-8 and no mark tells it.
        path: The file, for messages.
        whole: Whether the text is complete; else its last character may be cut.

    Raises:
        UserError: The text has another encoding, or holds NUL characters.
    """
    marked = (name for mark, name in _MARKS.items() if content.startswith(mark))
    encoding = config.encoding or next(marked, "utf-8")
    recoded = codecs.lookup(encoding).name != "utf-8"  # else one copy in memory is enough
    decoder = codecs.getincrementaldecoder(encoding)()
    start = 0
    pieces = []
    try:
        for start in range(0, len(content), _CHUNK):
            piece = content[start : start + _CHUNK]
            last = whole and start + _CHUNK >= len(content)
            text = decoder.decode(piece, last)
            if recoded:
                pieces.append(text.encode())
    except UnicodeError as error:
        offset = start + (error.start if isinstance(error, UnicodeDecodeError) else 0)
        raise UserError(
            f"{path}: not {encoding.upper()} text (near byte {offset}): set data.encoding, such as "
            "'latin-1', 'cp1252' or 'utf-16'"
        ) from None
    content = (b"".join(pieces) if recoded else content).removeprefix(codecs.BOM_UTF8)
    if b"\r" in content:
        content = content.replace(b"\r\n", b"\n").replace(b"\r", b"\n")
    if (first := content.find(b"\0")) >= 0:
        near = content[max(first - 10, 0) : first + 10].decode(errors="replace")
        line = content.count(b"\n", 0, first) + 1
        raise UserError(
            f"{path}, line {line}: holds a NUL character, "
            f"{shown(near)}: this is no text, or data.encoding must be set, such as 'utf-16-le'"
        )
    return content


def find_header(content: bytes, config: DataConfig, columns: Sequence[str], path: Path) -> Header:
    """Return the header: the first line that names all columns in use.

    Args:
        content: The text, or at least its first ``HEAD`` bytes, as :func:`decode` returns it.
        config: Names the time column, and the separator if it is fixed.
        columns: Names of the other columns in use.
        path: The file, for messages.

    Raises:
        UserError: No line names all columns, or there are too many.
    """
    wanted = [*columns, *config.time_columns]
    text = content[:HEAD].decode(errors="ignore")
    lines = list(itertools.islice(io.StringIO(text, newline="\n"), _HEAD_LINES))
    separators: Sequence[str] = _SEPARATORS if config.separator is None else (config.separator,)
    passed: list[list[str]] = []  # the names that lines above the header would have
    for start, line in enumerate(lines):
        if match := _EXCELS_SEPARATOR.fullmatch(line.rstrip("\n")):
            separators = separators if config.separator else (match[1],)
            continue
        if not line.strip():
            continue
        below = lines[start : start + _HEADER_LINES]
        read = [(*_record(below, each, wanted), each) for each in separators]
        fitting = [each for each in read if places(each[0]).keys() >= set(wanted)]
        if fitting:
            # Blanks may also stand beside another separator.
            names, count, separator = max(fitting, key=lambda each: (each[2] != " ", len(each[0])))
            end = start + count
            while lines[end : end + count] == lines[start:end][:count]:
                end += count  # a header that is written twice
            break
        if not line.startswith("#"):
            passed.append(max((names for names, *_ in read), key=len))
    else:
        if not passed:
            raise UserError(f"{path}: has no header, only comments")
        names = passed[0]
    if len(names) > _MOST_COLUMNS:
        raise UserError(
            f"{path}: has more than {_MOST_COLUMNS} columns: set data.layout = 'rows' if each row "
            "is a series, or leave columns out"
        )
    find(wanted, names, path)
    return Header(names, separator, len("".join(lines[:end]).encode()), len(passed))


def header_may_follow(content: bytes, config: DataConfig, columns: Sequence[str]) -> bool:
    """Return whether a text may end above its header: few lines, none of which names a column.

    Args:
        content: The text, as :func:`decode` returns it.
        config: Names the time column.
        columns: Names of the other columns in use.
    """
    lines = content.decode(errors="ignore").split("\n")
    named = {each.strip() for line in lines for each in _FIELD_ENDS.split(line)}
    return len(lines) <= _HEAD_LINES and named.isdisjoint({*columns, *config.time_columns})


def records(content: bytes) -> list[bytes]:
    """Return the rows of a text without comments; one with quoted line feeds is a single row."""
    found: list[bytes] = []
    for line in _COMMENT.sub(b"", content).removesuffix(b"\n").split(b"\n"):
        if found and found[-1].count(b'"') % 2:
            found[-1] += b"\n" + line
        else:
            found.append(line)
    return found


def guess_names(content: bytes, config: DataConfig, path: Path) -> list[str]:
    """Return the names in the first line that has as many fields as the lines below it.

    To a separator that the file does not have, each line is one field, also one above the header,
    such as the name of a station. So several fields go before a single one. Blanks, which may also
    stand beside another separator, go last.

    Args:
        content: The text, or its first ``HEAD`` bytes, as :func:`decode` returns it.
        config: States the separator, if it is fixed.
        path: The file, for messages.

    Raises:
        UserError: No line is like the ones below it.
    """
    text = content[:HEAD].decode(errors="ignore")
    lines = list(itertools.islice(io.StringIO(text, newline="\n"), _HEAD_LINES))
    lines = [line for line in lines if line.strip()]
    separators: Sequence[str] = _SEPARATORS if config.separator is None else (config.separator,)
    if lines and (match := _EXCELS_SEPARATOR.fullmatch(lines[0].rstrip("\n"))):
        del lines[0]
        separators = separators if config.separator else (match[1],)
    comments = [line.startswith("#") for line in lines]
    top = comments.index(False) if False in comments else 0
    fitting = []
    for separator in separators:
        fields = [len(_record([line], separator, ())[0]) for line in lines]
        for start in range(len(lines)):
            names, count = _record(lines[start : start + _HEADER_LINES], separator, ())
            several = len(names) > 1
            if start > top and any(map(_READING.match, names)):
                continue  # a row, not a header
            below = [fields[at] for at in range(start + count, len(lines)) if not comments[at]]
            if set(below[:_HEADER_LINES]) == {len(names)} and (several or not comments[start]):
                fitting.append((several, separator != " ", -start, len(names), names))
    if not fitting:
        raise UserError(f"{path}: has no header with as many names as the lines below have fields")
    return max(fitting)[-1]


def _record(lines: Sequence[str], separator: str, wanted: Sequence[str]) -> tuple[list[str], int]:
    """Return the names in a header that begins in the first line, and its number of lines.

    There is a single name if the line cannot be separated so.
    """
    if separator == " ":
        lines = [" ".join(lines[0].split())]
    reader = csv.reader(lines, delimiter=separator, skipinitialspace=True)
    try:
        names = [name.strip() for name in next(reader)]
    except csv.Error:
        return [lines[0].strip()], 1
    if names[0].startswith("#") and names[0] not in wanted:  # a header as a comment
        names[0] = names[0].lstrip("# ")
        names = names if names[0] else names[1:]
    return names, reader.line_num


def _below(content: bytes, header: Header, config: DataConfig) -> tuple[bytes, int]:
    """Return a text without comments, and the byte at which the rows to read begin."""
    start = header.end
    for _ in range(config.skip_rows):
        start = content.find(b"\n", start) + 1 or len(content)
    mark = header.separator.encode()
    comments, quotes = content.find(b"\n#", max(start - 1, 0)) >= 0, mark + b' "' in content
    if not comments and not quotes and mark != b" ":
        return content, start
    content = _COMMENT.sub(b"", content[start:])
    if quotes:
        content = re.sub(re.escape(mark) + rb' +"', mark + b'"', content)
    if header.separator == " ":
        content = re.sub(rb"(?m)^ | $", b"", re.sub(rb"[ \t]+", b" ", content))
    return content, 0


def without_empty_end(table: pa.Table, columns: Sequence[str]) -> pa.Table:
    """Return a table without last rows whose columns are all empty, as spreadsheets export them."""
    used = np.zeros(len(table), dtype=np.bool_)
    for name in columns:
        used |= pc.not_equal(table[name], "").to_numpy()
    return table.slice(0, len(table) - int(used[::-1].argmax())) if used.any() else table


def _others(sample: bytes, header: Header, used: set[int | None]) -> list[int]:
    """Return the positions of columns not in use that may tell series apart."""
    text = io.StringIO(sample.decode(errors="ignore"), newline="\n")
    lines = itertools.islice(text, _SAMPLE_LINES)
    try:
        rows = list(csv.reader(lines, delimiter=header.separator))
    except csv.Error:
        return []
    rows = [row for row in rows if len(row) == len(header.names)]
    return [
        column
        for column, name in enumerate(header.names)
        if column not in used and may_tell_series(name, [row[column] for row in rows])
    ]


def _parse(
    content: bytes,
    start: int,
    header: Header,
    kinds: dict[str, pa.DataType],
    skipped: int,
    path: Path,
) -> pa.Table:
    """Return the columns that ``kinds`` names by their positions, from ``start`` on."""
    fields = len(header.names)
    wrong: list[tuple[int, int]] = []  # row and number of fields

    def judge(row: pa.csv.InvalidRow) -> str:
        if not row.text.strip():
            return "skip"
        wrong.append((row.number + skipped, row.actual_columns))
        return "error"

    quotes = content.count(b'"', start)
    if quotes % 2:
        raise UserError(f"{path}: not a regular table: a quotation mark is not closed")
    try:
        return pa.csv.read_csv(
            pa.py_buffer(memoryview(content)[start:]),
            pa.csv.ReadOptions(
                use_threads=False,  # which would hide the numbers of rows
                block_size=_BLOCK,
                column_names=[str(each) for each in range(fields)],
            ),
            pa.csv.ParseOptions(
                delimiter=header.separator,
                newlines_in_values=quotes > 0,
                # In a file with one column, a blank line is a missing value.
                ignore_empty_lines=fields > 1,
                invalid_row_handler=judge,
            ),
            pa.csv.ConvertOptions(
                column_types=kinds, include_columns=list(kinds), strings_can_be_null=False
            ),
        )
    except pa.ArrowException as error:
        if wrong:
            row, count = wrong[0]
            raise UserError(
                f"{path}: row {row} has {count} fields, the header {fields}: complete the row, "
                "or delete it"
            ) from None
        reason = one_line(error)
        if "straddling" in reason:
            reason = f"a row is longer than {_BLOCK >> 20} MiB, or a quotation mark is not closed"
        raise UserError(f"{path}: not a regular table: {reason}") from None


def _read_series(content: bytes, config: DataConfig, wanted: Sequence[str], path: Path) -> Columns:
    """Return the wanted series of a text with one series per line."""
    lines = [line for line in _COMMENT.sub(b"", content).split(b"\n") if line.strip()]
    lines = lines[config.skip_rows :]
    if lines and (match := _EXCELS_SEPARATOR.fullmatch(lines[0][:10].decode(errors="ignore"))):
        separator, lines = match[1], lines[1:]
    elif not lines:
        raise UserError(f"{path}: has no series")
    else:
        unquoted = re.sub(rb'"[^"\n]*"', b"", lines[0])
        separator = next((each for each in _SEPARATORS if each.encode() in unquoted), ",")
    separator = config.separator or separator
    names = [str(row) for row in range(len(lines))]
    series = {}
    wanted = selected(config, wanted, names)
    for name, row in zip(wanted, find(wanted, names, path), strict=True):
        line = lines[row].decode()
        line = " ".join(line.split()) if separator == " " else line
        try:
            series[name] = next(csv.reader([line], delimiter=separator))
        except csv.Error as error:
            raise UserError(f"{path}: the series {name!r}: {one_line(error)}") from None
        if len(series[name]) != len(series[wanted[0]]):
            raise UserError(
                f"{path}: the series {name!r} has {len(series[name])} values, "
                f"but {wanted[0]!r} has {len(series[wanted[0]])}"
            )
    readings = {name: pa.chunked_array([pa.array(each, _TEXT)]) for name, each in series.items()}
    return Columns(readings, decimal_comma=separator in ";\t")
