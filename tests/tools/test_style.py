"""The VHDL is linted: a warning is a failure."""

import sys
from importlib import resources
from pathlib import Path

import pytest

from narrowcast.errors import ToolError
from narrowcast.tools.process import run

ROOT = Path(__file__).parents[2]
VSG = (sys.executable, "-c", "from vsg.__main__ import main; main()")
RULES = ROOT / "vhdl-style.yaml"


def lint(*paths: Path) -> None:
    run(
        [*VSG, "-of", "syntastic", "-c", RULES, "-f", *sorted(paths)],
        ROOT,
        name="vsg",
    )


def test_hand_written_sources() -> None:
    rtl = Path(str(resources.files("narrowcast"))) / "rtl"
    lint(*rtl.rglob("*.vhd"), *(ROOT / "tests").rglob("*.vhd"))


@pytest.mark.parametrize(
    "wrong",
    [
        "process (clk) is begin end process;",  # no label
        "A <= b;",  # not as it was declared
        "a <= b; ",  # a space too many
    ],
)
def test_what_is_wrong_is_found(tmp_path: Path, wrong: str) -> None:
    path = tmp_path / "wrong.vhd"
    path.write_text(
        f"""entity wrong is
end entity wrong;

architecture rtl of wrong is

  signal a, b : bit;

begin

  {wrong}

end architecture rtl;
"""
    )
    with pytest.raises(ToolError, match=r"(?s)^vsg failed \(1\):.*wrong\.vhd"):
        lint(path)
