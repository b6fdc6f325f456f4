"""Each VHDL file says its licence: a build copies it away from the file LICENSE."""

from pathlib import Path

import pytest

ROOT = Path(__file__).parents[1]
SOURCES = sorted([*(ROOT / "src").rglob("*.vhd"), *(ROOT / "tests").rglob("*.vhd")])


@pytest.mark.parametrize("path", SOURCES, ids=lambda path: path.name)
def test_vhdl_names_its_licence(path: Path) -> None:
    assert path.read_text().startswith("-- SPDX-License-Identifier: Apache-2.0\n-- ")


def test_licence_is_whole() -> None:
    text = (ROOT / "LICENSE").read_text()
    assert "Version 2.0, January 2004" in text and "END OF TERMS AND CONDITIONS" in text
