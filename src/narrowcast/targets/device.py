"""Device files: what a chip has."""

import tomllib
from dataclasses import dataclass
from functools import cache
from importlib import resources

from narrowcast.config import did_you_mean
from narrowcast.errors import UserError


@dataclass(frozen=True)
class Board:
    """A board with the device on it, and what place and route needs to know of both.

    Attributes:
        name: of the board. clock_mhz: of its oscillator.
        pnr_options: nextpnr's for the device, its package and its speed grade.
        constraints: name of the file, beside the device's, that says which pin is which.
    """

    name: str
    clock_mhz: float
    pnr_options: tuple[str, ...]
    constraints: str

    @property
    def constraints_text(self) -> str:
        """Content of the file of constraints."""
        return (resources.files("narrowcast.targets") / "devices" / self.constraints).read_text()


@dataclass(frozen=True)
class Power:
    """What a device takes, for estimates; the sources stand in its file.

    Attributes:
        static_mw: milliwatts, whether it works or not.
        product_pj: picojoules of a DSP block for each product. access_pj: of a block memory for
            each access. table_pj: of each look-up table in use, with the flip-flops beside it and
            their clock, in every clock.
        lane_toggles, memory_toggles, rest_toggles: toggle rates of designs for which these are
            meant, as ``narrowcast.tools.vcd.Rates`` has them.
        static_error, dynamic_error: by how much of themselves the former may be wrong.
    """

    static_mw: float
    product_pj: float
    access_pj: float
    table_pj: float
    lane_toggles: float
    memory_toggles: float
    rest_toggles: float
    static_error: float
    dynamic_error: float


@dataclass(frozen=True)
class Device:
    """What one device has.

    Attributes:
        name: of its file. part: as the vendor's tools call it. family: xc7, ice40 or ecp5.
        lut, ff, dsp: how many there are.
        dsp_ports: widths of the two ports of a DSP block's signed multiplier, the wider first.
        lut_ram: whether look-up tables can be memory that is written.
        block_name, blocks: the smallest block memory, and how many there are.
        block_shapes: (words, bits, blocks) of each shape that block memory can take.
        power: what it takes.
        board: that the bitstream is for; None where there is no open place and route.
    """

    name: str
    part: str
    family: str
    lut: int
    ff: int
    dsp: int
    dsp_ports: tuple[int, int]
    lut_ram: bool
    block_name: str
    blocks: int
    block_shapes: tuple[tuple[int, int, int], ...]
    power: Power
    board: Board | None = None

    @property
    def bram36(self) -> float:
        """Block memory in units of 36 kbit."""
        words, bits, _ = self.block_shapes[0]
        return self.blocks * words * bits / 36864


def device_names() -> list[str]:
    """Return the names of all devices that have a file."""
    folder = resources.files("narrowcast.targets") / "devices"
    return sorted(
        f.name.removesuffix(".toml") for f in folder.iterdir() if f.name.endswith(".toml")
    )


@cache
def load_device(name: str) -> Device:
    """Read a device file.

    Raises:
        UserError: there is no such device.
    """
    names = device_names()
    if name not in names:
        hint = did_you_mean(name, names)
        raise UserError(
            f"hardware.device: unknown device {name!r}{hint}; one of {', '.join(names)}"
        )
    text = (resources.files("narrowcast.targets") / "devices" / f"{name}.toml").read_text()
    fields = tomllib.loads(text)
    ports, shapes = fields.pop("dsp_ports"), fields.pop("block_shapes")
    board = fields.pop("board", None)
    return Device(
        name=name,
        dsp_ports=(ports[0], ports[1]),
        block_shapes=tuple((s[0], s[1], s[2]) for s in shapes),
        power=Power(**fields.pop("power")),
        board=board and Board(**{**board, "pnr_options": tuple(board["pnr_options"])}),
        **fields,
    )
