"""AMD's 7 series.

Sources: UG474 (configurable logic), UG473 (block memory) and UG479 (DSP48E1).
"""

from narrowcast.targets.family import (
    CellMap,
    DistributedRam,
    DspBlock,
    Family,
    Multiplier,
    Primitives,
)

XC7 = Family(
    name="xc7",
    primitives=Primitives(
        logic={f"LUT{n}": 1 for n in range(1, 7)},
        memory={
            "RAM32X1D": 2,
            "RAM64X1D": 2,
            "RAM128X1D": 4,
            "RAM32M": 4,
            "RAM64M": 4,
            "RAM32X1S": 1,
            "RAM64X1S": 1,
            "RAM128X1S": 2,
            "RAM256X1S": 4,
            "SRL16E": 1,
            "SRLC16E": 1,
            "SRLC32E": 1,
        },
        muxes=frozenset({"MUXF7", "MUXF8", "INV"}),
        flip_flops=r"FD[RSCP]E(_1)?",
        carry="CARRY4",
        carry_in="CI",
        block={"RAMB36E1": 1, "RAMB18E1": 0.5},
        block_key="bram36",
    ),
    lut_inputs=6,
    logic_cells=False,
    wide_muxes=True,
    distributed_ram=DistributedRam(
        shapes=((32, 6, 4), (64, 3, 4)),  # RAM32M, RAM64M
        choice=0.75,
    ),
    block_name="RAMB18",
    # with parity bits, in the configurations that have them; the last four are a RAMB36
    block_shapes=(
        *((512, 36, 1), (1024, 18, 1), (2048, 9, 1), (4096, 4, 1), (8192, 2, 1), (16384, 1, 1)),
        *((4096, 9, 2), (8192, 4, 2), (16384, 2, 2), (32768, 1, 2)),
    ),
    block_unit=0.5,
    dsp_block=DspBlock(
        primitives={"DSP48E1": 1},
        registers=(("AREG", "BREG"), ("MREG",), ("PREG",)),
        multipliers=(
            Multiplier(
                wide=25,
                narrow=18,
                part=18,
                headroom=1,
                least=(2, 2),
                least_product=9,
            ),
        ),
    ),
    synthesis="synth_xilinx -family xc7 -flatten -noiopad",
    # as the synthesis command does it from one label to the other
    cell_map=CellMap(
        "xc7.v",
        "map_memory",
        (
            "memory_libmap -logic-cost-rom 0.015625 -lib +/xilinx/lutrams_xc5v.txt"
            " -lib +/xilinx/brams_xc4v.txt -D HAS_SIZE_36 -D HAS_MIXWIDTH_SDP",
            "techmap -map +/xilinx/lutrams_xc5v_map.v",
        ),
        "map_ffram",
    ),
    # With yosys' 300 ps, a block memory takes as long as five tables in series, and all other paths
    # get as many where that saves one.
    wire_ps=700,
    cell_models="xilinx",
    vivado=True,
    place_and_route=None,
)
