"""From an integer model to a bitstream, with the tools that the project installs."""

from pathlib import Path

import pytest

from narrowcast.compile import Design, HardwareOptions, compile_model
from narrowcast.config import InterfaceName
from narrowcast.errors import ToolError, UserError
from narrowcast.estimate import area
from narrowcast.integer.builder import Shape
from narrowcast.integer.random_model import random_model
from narrowcast.records import to_json
from narrowcast.targets.device import load_device
from narrowcast.tools.interface import INTERFACES
from narrowcast.tools.nextpnr import packed_cells, place, routed_netlist
from narrowcast.tools.yosys import run_yosys
from routed import SHA256, fault_is_found

# In place of all that the engine does: one multiplier more than an UP5K has.
TOO_LARGE = """
architecture rtl of engine is
  type words is array (natural range <>) of signed(15 downto 0);
  signal powers : words(0 to 9);
begin
  multiply : process (clk) is
    variable product : signed(31 downto 0);
  begin
    if rising_edge(clk) then
      powers(0) <= powers(0)(14 downto 0) & (in_valid and out_ready and in_data(0));
      for i in 0 to 8 loop
        product       := powers(i) * powers(i);
        powers(i + 1) <= product(23 downto 8);
      end loop;
    end if;
  end process multiply;
  in_ready    <= not reset;
  out_valid   <= powers(9)(15);
  out_data    <= (others => powers(9)(14));
  trace_valid <= (others => '0');
  trace_data  <= (others => '0');
  state_in_ready  <= '0';
  state_in_ends   <= '0';
  state_restored  <= '0';
  state_refused   <= '0';
  state_out_valid <= '0';
  state_out_data  <= (others => '0');
  state_out_last  <= '0';
  weights_receiving <= '0';
  weights_busy      <= '0';
  weights_loaded    <= '1';
  weights_check     <= (others => '0');
end architecture rtl;
"""

BITSTREAMS = {  # how a log names the tool, and how a bitstream begins
    "ice40": ("nextpnr-ice40 ", bytes.fromhex("ff0000ff7eaa997e")),
    "ecp5": ("nextpnr-ecp5 ", bytes.fromhex("ff00")),
    "gowin": ("nextpnr-himbaechel-gowin ", b"1" * 32),
}

# to simulate; test_routed_netlist.py has more faults, which take too long for every run
QUICKEST = ("ecp5-25f", "uart")


def write_rtl(folder: Path, device: str) -> Design:
    """Write the sources of a small engine, and return it: the tools' time depends on its size."""
    options = HardwareOptions(lanes=1, ways=1)
    model = random_model(Shape(2, 1, 2), (2,), 1)
    design = compile_model(model, load_device(device), area, options)
    design.write_rtl(folder, SHA256)
    return design


@pytest.mark.parametrize(
    ("name", "interface"),
    [
        # test_boards.py always places the second one
        pytest.param("up5k", "uart", marks=pytest.mark.long),
        pytest.param("up5k", "spi", marks=pytest.mark.long),
        pytest.param("hx8k", "uart", marks=pytest.mark.long),
        pytest.param("hx8k", "spi", marks=pytest.mark.long),
        ("ecp5-25f", "uart"),
        pytest.param("ecp5-25f", "spi", marks=pytest.mark.long),
        pytest.param("gw1nr-9", "uart", marks=pytest.mark.long),
        pytest.param("gw2ar-18", "uart", marks=pytest.mark.long),
    ],
)
def test_bitstream(tmp_path: Path, name: str, interface: InterfaceName) -> None:
    device, top = load_device(name), INTERFACES[interface].top
    tool, begins = BITSTREAMS[device.family.name]
    design = write_rtl(tmp_path / "rtl", name)
    steps: list[tuple[int, int, str]] = []
    found = place(
        *(tmp_path / "rtl", device, tmp_path / "work"),
        progress=lambda *step: steps.append(step),
        interface=interface,
    )
    assert found.tool.startswith(tool) and found.tool[-1].isdigit()
    assert found.bitstream.read_bytes().startswith(begins)
    assert found.clock_mhz < found.fmax_mhz < 300
    assert 0 < found.lut <= device.lut and 0 < found.ff <= device.ff
    flow = device.family.place_and_route
    assert flow is not None
    if device.family.logic_cells:
        if device.family.pads is not None:  # pads without constraints are refused
            run_yosys(tmp_path / "work" / f"{top}.v", top, device)
        packed = packed_cells(tmp_path / "work" / f"{top}.json", device)
        # the placer decides which flip-flops share a cell with an adder
        assert found.lut == (pytest.approx(packed, rel=0.05) if flow.beside else packed)
    assert 0 < found.bram <= device.blocks and 0 <= found.dsp <= device.dsp
    path = found.critical_path
    assert path.ns == pytest.approx(1000 * flow.derating / found.fmax_mhz, rel=0.01)
    assert 0 < path.logic_ns < path.ns and path.source and path.sink
    assert [done for done, _, _ in steps] == [0, 1, 2, 3, 4]
    assert to_json(found)["critical_path"]["from"] == path.source
    assert "Warning" not in (tmp_path / "work" / "place.log").read_text()
    assert (tmp_path / "work" / f"{top}.log").read_text() == ""
    if (name, interface) == QUICKEST:
        netlist = routed_netlist(tmp_path / "work", interface)
        assert fault_is_found(netlist, design, interface, tmp_path / "simulation", "banks", 0)


def test_a_design_that_is_too_large(tmp_path: Path) -> None:
    rtl = tmp_path / "rtl"
    write_rtl(rtl, "up5k")
    engine = rtl / "engine.vhd"
    entity, end, _ = engine.read_text().partition("end entity engine;")
    engine.write_text(entity + end + TOO_LARGE)
    with pytest.raises(ToolError, match=r"(?s)^nextpnr-ice40 failed .*ERROR: .*_DSP"):
        place(rtl, load_device("up5k"), tmp_path / "work")
    assert not list((tmp_path / "work").glob("*.bi*"))


def test_a_device_without_a_board(tmp_path: Path) -> None:
    placed = "ecp5-25f, ecp5-45f, ecp5-85f, gw1nr-9, gw2ar-18, hx8k, up5k"
    known = f"xc7s15 has no open place and route.*{placed}"
    with pytest.raises(UserError, match=known):
        place(tmp_path, load_device("xc7s15"), tmp_path / "work")


def test_a_board_without_pins_for_the_interface(tmp_path: Path) -> None:
    with pytest.raises(UserError) as caught:
        place(tmp_path, load_device("gw1nr-9"), tmp_path / "work", interface="spi")
    assert str(caught.value) == (
        "hardware.interface = 'spi': no pins of the Tang Nano 9K are known for it: take 'uart', or "
        "the device of another board: iCE40-HX8K breakout, iCEBreaker, ULX3S 45F, ULX3S 85F, ULX3S"
    )
