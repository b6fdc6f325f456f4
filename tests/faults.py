"""Faults of a netlist, of synthesis or as nextpnr writes it, that a simulation has to find."""

import random
import re
from collections import Counter
from typing import Any

from narrowcast.targets.device import Device

Netlist = dict[str, Any]
ALL_IN_BLOCKS = dict.fromkeys(("weights", "activations", "keys", "values"), "block")
"""Storage with which a design has memories to exchange."""


def wrong_table(netlist: Netlist, device: Device, seed: int) -> None:
    """Flip a bit of a look-up table in an adder: an entry that its inputs can select."""
    adders = []
    for cell in netlist["cells"].values():
        for init, pins in _tables(cell, device):
            nets = [pin for pin in pins if isinstance(pin, int)]
            if len(nets) > 1 and _is_sum(cell["parameters"][init], pins):
                adders.append((cell, init, pins))
    noise = random.Random(seed)
    cell, init, pins = noise.choice(adders)
    entry = sum(
        (noise.getrandbits(1) if isinstance(pin, int) else int(pin == "1")) << i
        for i, pin in enumerate(pins)
    )
    bits = cell["parameters"][init]
    place = len(bits) - 1 - entry
    cell["parameters"][init] = bits[:place] + "10"[int(bits[place])] + bits[place + 1 :]


def _tables(cell: Netlist, device: Device) -> list[tuple[str, list[int | str]]]:
    """Return the parameters of a cell that hold a table, and the pins that select its entry."""
    names = {
        **{f"LUT{n}": [("INIT", [f"I{i}" for i in range(n)])] for n in range(1, 7)},
        "SB_LUT4": [("LUT_INIT", ["I0", "I1", "I2", "I3"])],
        "ICESTORM_LC": [("LUT_INIT", ["I0", "I1", "I2", "I3"])],
        "TRELLIS_COMB": [("INITVAL", ["A", "B", "C", "D"])],
        "CCU2C": [(f"INIT{half}", [f"{pin}{half}" for pin in "ABCD"]) for half in (0, 1)],
    }
    if "Z" in cell["connections"]:  # a LUT4 of the ECP5
        names["LUT4"] = [("INIT", ["A", "B", "C", "D"])]
    flow = device.family.place_and_route

    def source(pin: str) -> int | str:
        bits: list[int | str] = cell["connections"].get(pin, [])
        high = flow is not None and re.fullmatch(flow.open_high, pin)
        return bits[0] if bits else "1" if high else "0"

    return [(init, [source(pin) for pin in pins]) for init, pins in names.get(cell["type"], [])]


def _is_sum(bits: str, pins: list[int | str]) -> bool:
    """Return whether each net among the pins inverts the output, whatever the other nets are."""
    table = [int(bit) for bit in reversed(bits) if bit in "01"]
    fixed = sum(int(pin == "1") << i for i, pin in enumerate(pins))
    free = [i for i, pin in enumerate(pins) if isinstance(pin, int)]
    entries = [
        fixed | sum((n >> k & 1) << i for k, i in enumerate(free)) for n in range(1 << len(free))
    ]
    return all(table[entry] != table[entry ^ (1 << i)] for entry in entries for i in free)


def swapped_banks(netlist: Netlist, device: Device, seed: int) -> None:
    """Exchange what two block memories of the same shape give."""
    types = {*device.family.primitives.block, "ICESTORM_RAM", "ROM", "SDP", "DP"}
    blocks = [cell for cell in netlist["cells"].values() if cell["type"] in types]
    count = Counter(block["type"] for block in blocks)
    noise = random.Random(seed)
    one = noise.choice([block for block in blocks if count[block["type"]] > 1])
    outputs = [pin for pin, way in one["port_directions"].items() if way == "output"]
    alike = (block for block in blocks if block["type"] == one["type"])
    other = noise.choice([block for block in alike if block is not one])
    for pin in outputs:
        pins = one["connections"], other["connections"]
        pins[0][pin], pins[1][pin] = pins[1][pin], pins[0][pin]


def stuck_register(netlist: Netlist, device: Device, seed: int) -> None:
    """Let what reads a flip-flop see a constant."""
    noise = random.Random(seed)
    pattern = re.compile(device.family.primitives.flip_flops)
    outputs = [
        bit
        for cell in netlist["cells"].values()
        if pattern.fullmatch(cell["type"]) or cell["parameters"].get("DFF_ENABLE") == "1"
        for bit in cell["connections"].get("Q", cell["connections"].get("O"))
    ]
    stuck, value = noise.choice(outputs), str(noise.getrandbits(1))
    for cell in netlist["cells"].values():
        for pin, bits in cell["connections"].items():
            if cell.get("port_directions", {}).get(pin) == "input":
                cell["connections"][pin] = [value if bit == stuck else bit for bit in bits]


FAULTS = {"table": wrong_table, "banks": swapped_banks, "register": stuck_register}
