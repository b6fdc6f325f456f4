"""The bytes of a table: reading, unpacking, and what kind of file they are, by their content."""

import gzip
import io
import os
import re
import zlib
from pathlib import Path
from typing import IO

from narrowcast.errors import UserError
from narrowcast.files import rereadable

GZIP = b"\x1f\x8b"

_MOST_EXPANDED = 32 << 20  # bytes, whatever the size of the packed file
_MOST_RATIO = 40  # of a larger expansion to the packed file
_CHUNK = 1 << 20

# How other files begin, and what to do with them. Each is told from a header with the same letters.
_OTHERS = {
    rb"PK(\x03\x04|\x05\x06)": "a zip archive or an Excel workbook: export the sheet as CSV",
    rb"\xd0\xcf\x11\xe0": "an Excel workbook: export the sheet as CSV",
    rb"(ARROW1|FEA1)[\x00-\x1f]": "a Feather (Arrow) file: save the table as Parquet or CSV",
    rb"\x89HDF|CDF[\x01\x02\x05]": "an HDF5 or NetCDF file: save the table as Parquet or CSV",
    rb"\x93NUMPY|\x80[\x02-\x05]|MATLAB 5|RD[AX][23]\n": "data of Python, MATLAB or R: "
    "save the table as Parquet or CSV",
    rb"ORC[\x00-\x1f]|Obj\x01": "an ORC or Avro file: save the table as Parquet or CSV",
    rb"SQLite format 3": "an SQLite database: export the table as CSV",
    rb"BZh[1-9]1AY|\xfd7zXZ|\x28\xb5\x2f\xfd|7z\xbc\xaf|Rar!\x1a": "a packed file: unpack it, "
    "or use gzip",
    rb"%PDF-|\x89PNG|\xff\xd8\xff|GIF8": "a document or picture: export the table as CSV",
    rb"version https://git-lfs": "a pointer of Git LFS, not the file: run 'git lfs pull'",
    rb"(\xef\xbb\xbf)?\s*<": "an HTML or XML document: export the table as CSV",
    rb"(\xef\xbb\xbf)?\s*[{\[]\s*[\"{\[\d\]}-]": "JSON: export the table as CSV",
}


def is_parquet(content: bytes) -> bool:
    """Return whether a content begins as Parquet does, and not as a header that names PAR1."""
    mark = b"PAR1"
    binary = re.match(mark + rb"[\x00-\x1f]", content) is not None
    return binary or (content.startswith(mark) and content.endswith(mark))


def read_source(path: Path, limit: int | None = None) -> bytes:
    """Return the content of a file or pipe, unpacked if it is gzipped.

    Args:
        path: The file; ``-`` is standard input.
        limit: Number of bytes after which reading stops; None for the whole file.

    Raises:
        UserError: The file cannot be read or unpacked, is empty, or is no table.
    """
    try:
        if path.is_dir():
            raise UserError(f"{path}: is a folder, not a file of readings")
        with rereadable(path).open("rb") as stream:
            packed = stream.read(len(GZIP)) == GZIP
            stream.seek(0)
            content = _unpacked(stream, path, limit) if packed else stream.read(limit or -1)
    except FileNotFoundError:
        raise UserError(f"{path}: no such file") from None
    except (gzip.BadGzipFile, EOFError, zlib.error) as error:
        raise UserError(f"{path}: not a readable gzip file: {error}") from None
    except OSError as error:
        raise UserError(f"{path}: cannot be read: {error.strerror or error}") from None
    if not content.strip():
        raise UserError(f"{path}: the file is empty")
    for start, kind in _OTHERS.items():
        if re.match(start, content):
            raise UserError(f"{path}: is no table, but {kind}")
    return content


def _unpacked(stream: IO[bytes], path: Path, limit: int | None) -> bytes:
    """Return what is packed in ``stream``, up to a limit that follows from its size."""
    size = os.fstat(stream.fileno()).st_size
    largest = max(_MOST_EXPANDED, _MOST_RATIO * size)
    content = io.BytesIO()
    with gzip.GzipFile(fileobj=stream) as unpacked:
        while chunk := unpacked.read(_CHUNK):
            content.write(chunk)
            if limit is not None and content.tell() >= limit:
                break
            if content.tell() > largest:
                raise UserError(
                    f"{path}: expands to more than {largest >> 20} MiB, the limit for a gzip file "
                    f"of {size} bytes: if that is right, unpack it first"
                )
    return content.getvalue()
