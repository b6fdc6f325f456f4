"""Vivado's reports, by scripts that stand in for Vivado."""

from collections.abc import Callable
from pathlib import Path

import pytest

from narrowcast.errors import ToolError, UserError
from narrowcast.targets.device import load_device
from narrowcast.tools.ghdl import SOURCES
from narrowcast.tools.vivado import (
    Instance,
    read_instances,
    synthesise_instances,
    synthesise_vivado,
    write_vivado_project,
)

DEVICE = load_device("xc7s15")

REPORTS = """
cat > utilization.rpt <<END
| Tool Version : Vivado v.2024.1 (lin64) Build 5076996
| Slice LUTs*            | 4321 |     0 |          0 |      8000 | 54.01 |
| Slice Registers        | 5678 |     0 |          0 |     16000 | 35.49 |
| Block RAM Tile |  7.5 |     0 |          0 |        10 | 75.00 |
| DSPs           |   20 |     0 |          0 |        20 | 100.00 |
END
cat > power.rpt <<END
| Total On-Chip Power (W)  | 0.071        |
END
"""
HIERARCHY = """\
| Tool Version : Vivado v.2024.1 (lin64) Build 5076996 Wed May 22 18:36:09 MDT 2024
| Command      : report_utilization -hierarchical -file hierarchy.rpt
1. Utilization by Hierarchy
---------------------------

+-------------------+-----------+------------+------------+---------+------+------+
|      Instance     |   Module  | Total LUTs | Logic LUTs | LUTRAMs | SRLs |  FFs |
+-------------------+-----------+------------+------------+---------+------+------+
| engine            |     (top) |        200 |        180 |      20 |    0 |  300 |
|   (engine)        |     (top) |         50 |         50 |       0 |    0 |   70 |
|   control         | sequencer |         60 |         60 |       0 |    0 |   90 |
|     (control)     | sequencer |         55 |         55 |       0 |    0 |   80 |
|     list_of_jobs  |  job_list |          5 |          5 |       0 |    0 |   10 |
|   stores[0].inputs|       ram |         20 |          0 |      20 |    0 |   16 |
|   keys            |lane_cache |         70 |         70 |       0 |    0 |  124 |
+-------------------+-----------+------------+------------+---------+------+------+

* Note: The sum of lower-level cells may be larger than their parent cells total
"""
OWN = [
    Instance("", 50, 70),
    Instance("control", 55, 80),
    Instance("control/list_of_jobs", 5, 10),
    Instance("stores[0].inputs", 20, 16),
    Instance("keys", 70, 124),
]


def test_vivado_project(tmp_path: Path) -> None:
    write_vivado_project(tmp_path, DEVICE, 80)
    script = (tmp_path / "build.tcl").read_text()
    assert f"-part {DEVICE.part} " in script
    at = [script.index(f"../rtl/{name}") for name in SOURCES]
    assert at == sorted(at)
    assert "-period 12.500 " in (tmp_path / "engine.xdc").read_text()


def test_reports_of_a_build(tmp_path: Path, vivado: Callable[[str], None]) -> None:
    vivado(REPORTS)
    (tmp_path / "rtl").mkdir()
    found = synthesise_vivado(tmp_path / "rtl", DEVICE, 100, tmp_path / "work")
    assert found.tool == "Vivado v.2024.1" and found.power_mw == pytest.approx(71)
    assert (found.lut, found.ff, found.bram36, found.dsp) == (4321, 5678, 7.5, 20)
    vivado(REPORTS.split("cat > power", maxsplit=1)[0])
    with pytest.raises(ToolError, match="no report of power"):
        synthesise_vivado(tmp_path / "rtl", DEVICE, 100, tmp_path / "other")


def test_instances_by_themselves() -> None:
    assert read_instances(HIERARCHY) == OWN


def test_columns_are_found_by_their_names() -> None:
    rows = [line.split("|") for line in HIERARCHY.splitlines()]
    moved = "\n".join("|".join([r[0], r[7], *r[2:7], r[1], ""]) if r[7:] else r[0] for r in rows)
    assert "Instance" not in moved.partition("Module")[0]
    assert read_instances(moved) == OWN


def test_tables_that_instances_share_are_counted_once() -> None:
    shared = HIERARCHY.replace("|        200 |", "|        160 |")
    assert [each.lut for each in read_instances(shared)] == [40, 44, 4, 16, 56]


@pytest.mark.parametrize(
    ("then", "now", "said"),
    [
        ("Instance", "Instanz", "no table of the hierarchy"),
        ("Total LUTs", "All LUTs", "no column 'Total LUTs', but 'Instance, Module, All LUTs"),
        ("|   70 |", "|   7O |", "cannot be read: '|   (engine)"),
        ("|  300 |", "|  301 |", "take 200 LUT and 300 FF, the whole 200 and 301"),
        ("|        200 |", "|        201 |", "does not add up"),
    ],
)
def test_other_reports_are_refused(then: str, now: str, said: str) -> None:
    assert then in HIERARCHY
    with pytest.raises(ToolError) as refusal:
        read_instances(HIERARCHY.replace(then, now))
    assert said in str(refusal.value)


def test_vivado_s_own_words(tmp_path: Path, vivado: Callable[[str], None]) -> None:
    (tmp_path / "rtl").mkdir()
    vivado("echo 'ERROR: [Common 17-345] no valid license for part xc7s15'; exit 1")
    for synthesise in (synthesise_vivado, synthesise_instances):
        with pytest.raises(ToolError, match=r"vivado failed \(1\):\nERROR: .* no valid license"):
            synthesise(tmp_path / "rtl", DEVICE, 100, tmp_path / "work")


def test_a_device_that_vivado_does_not_know(tmp_path: Path) -> None:
    for synthesise in (synthesise_vivado, synthesise_instances):
        with pytest.raises(UserError, match="does not know up5k"):
            synthesise(tmp_path, load_device("up5k"), 100, tmp_path)
