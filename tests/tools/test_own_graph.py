"""The code of ``docs/integer-model.md``, from a graph to RTL that was simulated."""

import re
from pathlib import Path

import pytest

from narrowcast.tools.simulate import Simulation

PAGE = Path(__file__).parents[2] / "docs" / "integer-model.md"


def test_the_code_of_the_page_runs(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (code,) = re.findall(r"^```python\n(.*?)^```", PAGE.read_text(), re.MULTILINE | re.DOTALL)
    monkeypatch.chdir(tmp_path)
    names: dict[str, object] = {}
    exec(compile(code, PAGE.name, "exec"), names)
    found = names["found"]
    assert isinstance(found, Simulation)
    assert (found.windows, found.mismatches) == (20, 0)
