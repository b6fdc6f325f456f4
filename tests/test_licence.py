"""What a build copies away from the file LICENSE says its licence itself."""

from pathlib import Path

import pytest

ROOT = Path(__file__).parents[1]
COMMENTS = {".vhd": "--", ".cpp": "//", ".pcf": "#", ".lpf": "#", ".toml": "#"}
COMMENTS |= {".cst": "//", ".v": "//"}
BOARDS = (ROOT / "src" / "narrowcast" / "targets" / "boards").iterdir()
SOURCES = sorted(
    [
        *(ROOT / "src").rglob("*.vhd"),
        *(ROOT / "tests").rglob("*.vhd"),
        *(ROOT / "src").rglob("*.cpp"),
        *(ROOT / "src").rglob("*.v"),
        *BOARDS,
    ]
)


@pytest.mark.parametrize("path", SOURCES, ids=lambda path: path.name)
def test_a_source_names_its_licence(path: Path) -> None:
    mark = COMMENTS[path.suffix]
    assert path.read_text().startswith(f"{mark} SPDX-License-Identifier: Apache-2.0\n{mark} ")


def test_licence_is_whole() -> None:
    text = (ROOT / "LICENSE").read_text()
    assert "Version 2.0, January 2004" in text and "END OF TERMS AND CONDITIONS" in text
