"""A digest of the code that a stage runs, because other code may give other outputs.

The files are found through the imports in the sources, so that no list has to be maintained.
"""

import ast
import hashlib
from collections.abc import Iterator
from functools import cache
from pathlib import Path

import narrowcast

_ROOT = Path(narrowcast.__file__).parent


@cache
def code_digest(module: str) -> str:
    """Return the SHA-256 of all sources and data files that a module depends on.

    Args:
        module: Module of this package, such as ``narrowcast.pipeline.tasks.train``.
    """
    digest = hashlib.sha256()
    for path in code_files(module):
        digest.update(path.relative_to(_ROOT).as_posix().encode())
        digest.update(hashlib.sha256(path.read_bytes()).digest())
    return digest.hexdigest()


def code_files(module: str) -> list[Path]:
    """Return the files of a module and of all modules of this package that it imports, directly
    or not, and the data files of their folders.

    All imports count, also those in functions, except those under ``if TYPE_CHECKING``. The
    ``__init__`` of a package counts only if something is imported from the package itself.
    """
    found: dict[str, Path] = {}
    waiting = [module]
    while waiting:
        name = waiting.pop()
        path = _source(name)
        if name not in found and path is not None:
            found[name] = path
            waiting += _imports(path)
    folders = {path.parent for path in found.values()}
    return sorted({*found.values(), *(data for folder in folders for data in _data(folder))})


def _source(module: str) -> Path | None:
    """Return the file of a module; None if it does not belong to this package."""
    package, *parts = module.split(".")
    if package != narrowcast.__name__:
        return None
    place = _ROOT.joinpath(*parts)
    for path in (place / "__init__.py", place.with_suffix(".py")):
        if path.is_file():
            return path
    return None


@cache
def _imports(path: Path) -> tuple[str, ...]:
    """Return the modules that a file imports, directly or by importing names from them."""
    names: list[str] = []
    for node in _executed(ast.parse(path.read_bytes())):
        if isinstance(node, ast.Import):
            names += [alias.name for alias in node.names]
        elif isinstance(node, ast.ImportFrom) and node.module is not None:
            for alias in node.names:
                inner = f"{node.module}.{alias.name}"
                names.append(inner if _source(inner) else node.module)
    return tuple(names)


def _executed(tree: ast.AST) -> Iterator[ast.AST]:
    """Yield all nodes except those for type checkers only."""
    for node in ast.iter_child_nodes(tree):
        if isinstance(node, ast.If) and ast.unparse(node.test).endswith("TYPE_CHECKING"):
            continue
        yield node
        yield from _executed(node)


@cache
def _data(folder: Path) -> tuple[Path, ...]:
    """Return the data files of a package, also in its subfolders that are not packages."""
    found: list[Path] = []
    for path in folder.iterdir():
        if path.is_file() and path.suffix not in {".py", ".pyc"}:
            found.append(path)
        elif path.is_dir() and path.name != "__pycache__" and not (path / "__init__.py").exists():
            found += _data(path)
    return tuple(found)
