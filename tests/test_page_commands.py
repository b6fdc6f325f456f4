"""The commands in the pages exist, with the options that they are shown with."""

import re
from collections.abc import Iterator
from pathlib import Path

import pytest
import typer

from narrowcast.cli import app

ROOT = Path(__file__).parents[1]
PAGES = (ROOT / "README.md", *sorted((ROOT / "docs").glob("*.md")))
COMMAND = re.compile(r"^ {4}(?:\S+ \| )?(?:\.venv/bin/)?narrowcast (.*)", re.MULTILINE)


def commands(page: Path) -> Iterator[list[str]]:
    """Yield the arguments of each indented line that calls narrowcast, without comments."""
    for line in COMMAND.findall(re.sub(r"\\\n\s*", "", page.read_text())):
        yield line.partition(" #")[0].split()


def check(words: list[str]) -> None:
    """Assert that a command exists, and that its options do."""
    common = {"--help", "--install-completion", "--show-completion", "--quiet", "--verbose"}
    command = typer.main.get_command(app)
    rest = [word for word in words if word not in common]
    while rest and (group := getattr(command, "commands", {})):
        assert rest[0] in group, words
        command = group[rest.pop(0)]
    known = {name for each in command.params for name in each.opts}
    assert {word for word in rest if word.startswith("--")} <= known, words


@pytest.mark.parametrize("page", PAGES, ids=lambda page: page.name)
def test_commands_of_a_page_exist(page: Path) -> None:
    for words in commands(page):
        check(words)


def test_commands_are_found_and_others_refused() -> None:
    found = [words[0] for page in PAGES for words in commands(page)]
    assert len(found) > 20 and {"init", "build", "predict", "run", "export"} <= set(found)
    for wrong in (["forecast", "out"], ["predict", "out", "--form", "x"], ["export", "d", "out"]):
        with pytest.raises(AssertionError):
            check(wrong)
