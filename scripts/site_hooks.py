"""Hooks of MkDocs: pages of files outside of ``docs``, and what is read from the code.

A link to a file of the repository is relative, as a code host expects. On the site, README.md and
CHANGELOG.md are pages, and any other file that is linked is published in the folder ``files``.

A comment ``<!-- site: configuration -->``, ``commands`` or ``api MODULE`` in a page is replaced by
text that is made from the code. Notebooks in ``docs/notebooks`` are run, and become pages.
"""

import posixpath
import re
from collections.abc import Iterator, Mapping
from pathlib import Path

import typer
from mkdocs.config.defaults import MkDocsConfig
from mkdocs.structure.files import File, Files
from mkdocs.structure.pages import Page
from pydantic import BaseModel
from pydantic.fields import FieldInfo
from pydantic_core import PydanticUndefined
from typer.testing import CliRunner

import notebooks
from narrowcast.cli import app
from narrowcast.config import Config

REPOSITORY = Path(__file__).parents[1]
PAGES = {"README.md": "index.md", "CHANGELOG.md": "changelog.md"}
_LINK = re.compile(r"(?<=\]\()(?P<path>[^)#:\s]+)(?=[#)])")
_MARK = re.compile(r"^<!-- site: (?P<kind>\w+) ?(?P<argument>\S*) -->$", re.MULTILINE)
_NO_DEFAULT = {PydanticUndefined: "required", None: ""}


def on_files(files: Files, config: MkDocsConfig) -> Files:
    """Add the pages of files that lie outside of ``docs``, and those of notebooks."""
    for path, page in PAGES.items():
        files.append(File.generated(config, page, abs_src_path=str(REPOSITORY / path)))
    for notebook in sorted(Path(config.docs_dir, "notebooks").glob("*.ipynb")):
        for name, content in notebooks.run(notebook, Path("notebooks")).items():
            files.append(File.generated(config, name, content=content))
    return files


def on_page_markdown(markdown: str, page: Page, config: MkDocsConfig, files: Files) -> str:
    """Replace the marks of a page, and its links to files outside of ``docs``."""
    sources = {uri: path for path, uri in PAGES.items()}
    source = sources.get(page.file.src_uri, f"docs/{page.file.src_uri}")

    def link(match: re.Match[str]) -> str:
        path = posixpath.normpath(posixpath.join(posixpath.dirname(source), match["path"]))
        if not (REPOSITORY / path).is_file():
            return match[0]  # which MkDocs reports
        target = PAGES.get(path, path.removeprefix("docs/"))
        if target == path and files.get_file_from_path(f"files/{path}") is None:
            copy = File.generated(config, f"files/{path}", abs_src_path=str(REPOSITORY / path))
            files.append(copy)
        target = f"files/{path}" if target == path else target
        return posixpath.relpath(target, posixpath.dirname(page.file.src_uri))

    return _LINK.sub(link, _MARK.sub(_generated, markdown))


def _generated(mark: re.Match[str]) -> str:
    match mark["kind"]:
        case "configuration":
            return "\n".join(_configuration())
        case "commands":
            return "\n".join(_commands((), typer.main.get_command(app)))
        case "api":
            return f"::: {mark['argument']}"
    raise ValueError(f"{mark[0]}: there is no such mark")


def _configuration() -> Iterator[str]:
    """Yield the reference of all keys and sections, from their fields and docstrings."""
    assert Config.__doc__
    fields = Config.model_fields
    yield "## Above the sections\n"
    yield _prose(Config.__doc__.partition("\n\n")[2]) + "\n"
    yield from _keys({key: each for key, each in fields.items() if _kind(each) is None})
    for name, field in fields.items():
        if (section := _kind(field)) is not None:
            yield from _section(name, section)


def _section(name: str, section: type[BaseModel]) -> Iterator[str]:
    assert section.__doc__
    yield f"## [{name}] {{#{name.replace('.', '-')}}}\n"
    yield _prose(section.__doc__) + "\n"
    yield from _keys(section.model_fields)
    for key, each in section.model_fields.items():
        if (inner := _kind(each)) is not None:
            yield from _section(f"{name}.{key}", inner)


def _kind(field: FieldInfo) -> type[BaseModel] | None:
    """Return the section that a key is; None if it is a value."""
    kind = field.annotation
    return kind if isinstance(kind, type) and issubclass(kind, BaseModel) else None


def _keys(fields: Mapping[str, FieldInfo]) -> Iterator[str]:
    yield "| key | must be | default |\n| --- | --- | --- |"
    for key, each in fields.items():
        yield f"| `{key}` | {_cell(each.description or '')} | {_default(each)} |"
    yield ""


def _prose(docstring: str) -> str:
    """Return a docstring as Markdown, with one backtick for two, and with links to pages."""
    lines = [line.strip() for line in docstring.replace("``", "`").splitlines()]
    return re.sub(r"docs/([\w-]+\.md)", r"[\1](\1)", "\n".join(lines).strip())


def _cell(text: str) -> str:
    """Return text for a cell of a table, in which quoted values are not changed by Markdown."""
    return re.sub(r"('[^']*'|\"[^\"]*\")", r"`\1`", text).replace("|", r"\|")


def _default(field: FieldInfo) -> str:
    value = field.default
    if isinstance(value, BaseModel):
        return "its own defaults"
    if value is PydanticUndefined or value is None:
        return _NO_DEFAULT[value]
    if isinstance(value, bool):
        return f"`{str(value).lower()}`"
    return f"`{value!r}`".replace("'", '"')


def _commands(names: tuple[str, ...], command: object) -> Iterator[str]:
    """Yield what ``--help`` prints, of a command and those below it."""
    words = ("narrowcast", *names)
    shown = CliRunner().invoke(
        app, [*names, "--help"], prog_name="narrowcast", env={"COLUMNS": "100"}
    )
    yield f"## {' '.join(words)}\n\n```text\n{shown.stdout.strip()}\n```\n"
    for name, each in getattr(command, "commands", {}).items():
        yield from _commands((*names, name), each)
