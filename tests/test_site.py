"""The site of the documentation: it builds without a warning, and needs no other host."""

import json
import os
import re
import shutil
import subprocess
import sys
from html.parser import HTMLParser
from pathlib import Path

import pytest
import typer

from narrowcast.cli import app
from narrowcast.config import Config

ROOT = Path(__file__).parents[1]
LOADED = {"script": "src", "img": "src", "iframe": "src", "object": "data", "source": "src"}


class Loads(HTMLParser):
    """The addresses that a page loads without a click."""

    def __init__(self) -> None:
        super().__init__()
        self.found: list[str] = []

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        values = {key: value or "" for key, value in attrs}
        if tag == "link" and values.get("rel") not in {"canonical", "next", "prev"}:
            self.found.append(values["href"])
        elif tag in LOADED:
            self.found += [value for key, value in values.items() if key == LOADED[tag]]


def build(config: Path, folder: Path) -> subprocess.CompletedProcess[str]:
    command = [sys.executable, "-m", "mkdocs", "build", "--strict", "-f", config, "-d", folder]
    environment = os.environ | {"NO_MKDOCS_2_WARNING": "1"}
    return subprocess.run(command, env=environment, capture_output=True, text=True, check=False)


@pytest.fixture(scope="module")
def site(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("site")
    built = build(ROOT / "mkdocs.yml", folder)
    assert built.returncode == 0, built.stderr
    return folder


def test_broken_links_are_errors(tmp_path: Path) -> None:
    left_out = shutil.ignore_patterns("*.ipynb")  # which takes long to run
    shutil.copytree(ROOT / "docs", tmp_path / "docs", ignore=left_out)
    notebooks = len(list(ROOT.glob("docs/notebooks/*.ipynb")))
    with (tmp_path / "docs" / "use.md").open("a") as page:
        page.write("[a](none.md) [b](tables.md#none) [c](../src/none.py) [d](../Makefile)\n")
    config = tmp_path / "mkdocs.yml"
    hooks = ROOT / "scripts" / "site_hooks.py"
    config.write_text(f"INHERIT: {ROOT / 'mkdocs.yml'}\nhooks: [{hooks}]\nplugins: []\n")
    built = build(config, tmp_path / "site")
    assert built.returncode == 1
    for link in ("none.md", "tables.md#none", "../src/none.py"):
        assert f"'use.md' contains a link '{link}'" in built.stderr
    assert f"Aborted with {3 + notebooks} warnings in strict mode" in built.stdout


def test_the_pages_load_nothing_from_other_hosts(site: Path) -> None:
    pages = sorted(site.rglob("*.html"))
    assert {"index.html", "changelog.html", "engine.html"} <= {page.name for page in pages}
    for page in pages:
        loads = Loads()
        loads.feed(page.read_text())
        assert len(loads.found) > 2
        for address in loads.found:
            assert not re.match(r"\w+:|//", address) or address.startswith("data:"), address
        assert "url(http" not in page.read_text()
    for style in site.rglob("*.css"):
        assert not re.search(r"(@import|url\()\s*[\"']?(https?:)?//", style.read_text())


def test_files_of_the_repository_are_part_of_the_site(site: Path) -> None:
    copied = site / "files" / "examples" / "airu.toml"
    assert copied.read_text() == (ROOT / "examples" / "airu.toml").read_text()
    assert 'href="files/LICENSE"' in (site / "index.html").read_text()


def test_the_reference_has_every_key_and_command(site: Path) -> None:
    keys = (site / "configuration.html").read_text()
    for name, section in Config.model_fields.items():
        for key in getattr(section.annotation, "model_fields", {name: section}):
            assert f"<td><code>{key}</code></td>" in keys, (name, key)
    commands = (site / "commands.html").read_text()
    for name in typer.main.get_command(app).commands:
        assert f"Usage: narrowcast {name} " in commands
    assert "Usage: narrowcast export c " in commands


def test_every_module_of_the_reference_has_its_names(site: Path) -> None:
    page = (site / "python.html").read_text()
    for name in ("Forecaster.predict", "pipeline.build", "integer.load_model", "export.c_code"):
        assert f'id="narrowcast.{name}"' in page


def test_lists_within_lists_are_those_of_both_dialects() -> None:
    # A code host takes two spaces, Python's Markdown four.
    for page in ROOT.glob("docs/*.md"):
        assert not re.search(r"^ {1,3}[-*] ", page.read_text(), re.MULTILINE), page


@pytest.mark.parametrize("path", sorted((ROOT / "docs" / "notebooks").glob("*.ipynb")))
def test_notebooks_are_stored_without_outputs_and_run(path: Path, site: Path) -> None:
    code = [each for each in json.loads(path.read_text())["cells"] if each["cell_type"] == "code"]
    assert code and all(each["outputs"] == [] for each in code)
    assert all(each["execution_count"] is None for each in code)
    assert (site / "notebooks" / f"{path.stem}.html").is_file()
