// SPDX-License-Identifier: Apache-2.0
// Read-only memories of Gowin devices. yosys makes them of single-port memories that nobody writes,
// SP and SPX9. nextpnr divides such a memory in two on a GW1N-9 if it is 32 or 36 bits wide, and
// puts look-up tables and flip-flops around it. So they become pROM and pROMX9, which take one block
// of any width and nothing else. An SP or SPX9 that is written stays what it is.
//
// The lowest address bits of a port of 16 bits and more are byte enables, which reading ignores.
`define CONTENTS \
    INIT_RAM_00 = 0, INIT_RAM_01 = 0, INIT_RAM_02 = 0, INIT_RAM_03 = 0, \
    INIT_RAM_04 = 0, INIT_RAM_05 = 0, INIT_RAM_06 = 0, INIT_RAM_07 = 0, \
    INIT_RAM_08 = 0, INIT_RAM_09 = 0, INIT_RAM_0A = 0, INIT_RAM_0B = 0, \
    INIT_RAM_0C = 0, INIT_RAM_0D = 0, INIT_RAM_0E = 0, INIT_RAM_0F = 0, \
    INIT_RAM_10 = 0, INIT_RAM_11 = 0, INIT_RAM_12 = 0, INIT_RAM_13 = 0, \
    INIT_RAM_14 = 0, INIT_RAM_15 = 0, INIT_RAM_16 = 0, INIT_RAM_17 = 0, \
    INIT_RAM_18 = 0, INIT_RAM_19 = 0, INIT_RAM_1A = 0, INIT_RAM_1B = 0, \
    INIT_RAM_1C = 0, INIT_RAM_1D = 0, INIT_RAM_1E = 0, INIT_RAM_1F = 0, \
    INIT_RAM_20 = 0, INIT_RAM_21 = 0, INIT_RAM_22 = 0, INIT_RAM_23 = 0, \
    INIT_RAM_24 = 0, INIT_RAM_25 = 0, INIT_RAM_26 = 0, INIT_RAM_27 = 0, \
    INIT_RAM_28 = 0, INIT_RAM_29 = 0, INIT_RAM_2A = 0, INIT_RAM_2B = 0, \
    INIT_RAM_2C = 0, INIT_RAM_2D = 0, INIT_RAM_2E = 0, INIT_RAM_2F = 0, \
    INIT_RAM_30 = 0, INIT_RAM_31 = 0, INIT_RAM_32 = 0, INIT_RAM_33 = 0, \
    INIT_RAM_34 = 0, INIT_RAM_35 = 0, INIT_RAM_36 = 0, INIT_RAM_37 = 0, \
    INIT_RAM_38 = 0, INIT_RAM_39 = 0, INIT_RAM_3A = 0, INIT_RAM_3B = 0, \
    INIT_RAM_3C = 0, INIT_RAM_3D = 0, INIT_RAM_3E = 0, INIT_RAM_3F = 0

`define SAME_CONTENTS \
    .INIT_RAM_00(INIT_RAM_00), .INIT_RAM_01(INIT_RAM_01), .INIT_RAM_02(INIT_RAM_02), .INIT_RAM_03(INIT_RAM_03), \
    .INIT_RAM_04(INIT_RAM_04), .INIT_RAM_05(INIT_RAM_05), .INIT_RAM_06(INIT_RAM_06), .INIT_RAM_07(INIT_RAM_07), \
    .INIT_RAM_08(INIT_RAM_08), .INIT_RAM_09(INIT_RAM_09), .INIT_RAM_0A(INIT_RAM_0A), .INIT_RAM_0B(INIT_RAM_0B), \
    .INIT_RAM_0C(INIT_RAM_0C), .INIT_RAM_0D(INIT_RAM_0D), .INIT_RAM_0E(INIT_RAM_0E), .INIT_RAM_0F(INIT_RAM_0F), \
    .INIT_RAM_10(INIT_RAM_10), .INIT_RAM_11(INIT_RAM_11), .INIT_RAM_12(INIT_RAM_12), .INIT_RAM_13(INIT_RAM_13), \
    .INIT_RAM_14(INIT_RAM_14), .INIT_RAM_15(INIT_RAM_15), .INIT_RAM_16(INIT_RAM_16), .INIT_RAM_17(INIT_RAM_17), \
    .INIT_RAM_18(INIT_RAM_18), .INIT_RAM_19(INIT_RAM_19), .INIT_RAM_1A(INIT_RAM_1A), .INIT_RAM_1B(INIT_RAM_1B), \
    .INIT_RAM_1C(INIT_RAM_1C), .INIT_RAM_1D(INIT_RAM_1D), .INIT_RAM_1E(INIT_RAM_1E), .INIT_RAM_1F(INIT_RAM_1F), \
    .INIT_RAM_20(INIT_RAM_20), .INIT_RAM_21(INIT_RAM_21), .INIT_RAM_22(INIT_RAM_22), .INIT_RAM_23(INIT_RAM_23), \
    .INIT_RAM_24(INIT_RAM_24), .INIT_RAM_25(INIT_RAM_25), .INIT_RAM_26(INIT_RAM_26), .INIT_RAM_27(INIT_RAM_27), \
    .INIT_RAM_28(INIT_RAM_28), .INIT_RAM_29(INIT_RAM_29), .INIT_RAM_2A(INIT_RAM_2A), .INIT_RAM_2B(INIT_RAM_2B), \
    .INIT_RAM_2C(INIT_RAM_2C), .INIT_RAM_2D(INIT_RAM_2D), .INIT_RAM_2E(INIT_RAM_2E), .INIT_RAM_2F(INIT_RAM_2F), \
    .INIT_RAM_30(INIT_RAM_30), .INIT_RAM_31(INIT_RAM_31), .INIT_RAM_32(INIT_RAM_32), .INIT_RAM_33(INIT_RAM_33), \
    .INIT_RAM_34(INIT_RAM_34), .INIT_RAM_35(INIT_RAM_35), .INIT_RAM_36(INIT_RAM_36), .INIT_RAM_37(INIT_RAM_37), \
    .INIT_RAM_38(INIT_RAM_38), .INIT_RAM_39(INIT_RAM_39), .INIT_RAM_3A(INIT_RAM_3A), .INIT_RAM_3B(INIT_RAM_3B), \
    .INIT_RAM_3C(INIT_RAM_3C), .INIT_RAM_3D(INIT_RAM_3D), .INIT_RAM_3E(INIT_RAM_3E), .INIT_RAM_3F(INIT_RAM_3F)

module SP (
    output [31:0] DO,
    input [31:0] DI,
    input [2:0] BLKSEL,
    input [13:0] AD,
    input WRE, CLK, CE, OCE, RESET
);
    parameter READ_MODE = 1'b0;
    parameter [1:0] WRITE_MODE = 2'b00;
    parameter BIT_WIDTH = 32;
    parameter [2:0] BLK_SEL = 3'b000;
    parameter RESET_MODE = "SYNC";
    parameter [255:0] `CONTENTS;
    parameter _TECHMAP_CONSTMSK_WRE_ = 1'b0;
    parameter _TECHMAP_CONSTVAL_WRE_ = 1'bx;
    wire _TECHMAP_FAIL_ = !(_TECHMAP_CONSTMSK_WRE_ === 1'b1 && _TECHMAP_CONSTVAL_WRE_ === 1'b0);

    localparam [13:0] UNUSED = BIT_WIDTH >= 32 ? 31 : BIT_WIDTH >= 16 ? 15 : 0;

    pROM #(
        `SAME_CONTENTS,
        .READ_MODE(READ_MODE),
        .BIT_WIDTH(BIT_WIDTH),
        .RESET_MODE(RESET_MODE)
    ) _TECHMAP_REPLACE_ (
        .CLK(CLK),
        .CE(CE),
        .OCE(OCE),
        .RESET(RESET),
        .AD(AD & ~UNUSED),
        .DO(DO)
    );
endmodule

module SPX9 (
    output [35:0] DO,
    input [35:0] DI,
    input [2:0] BLKSEL,
    input [13:0] AD,
    input WRE, CLK, CE, OCE, RESET
);
    parameter READ_MODE = 1'b0;
    parameter [1:0] WRITE_MODE = 2'b00;
    parameter BIT_WIDTH = 36;
    parameter [2:0] BLK_SEL = 3'b000;
    parameter RESET_MODE = "SYNC";
    parameter [287:0] `CONTENTS;
    parameter _TECHMAP_CONSTMSK_WRE_ = 1'b0;
    parameter _TECHMAP_CONSTVAL_WRE_ = 1'bx;
    wire _TECHMAP_FAIL_ = !(_TECHMAP_CONSTMSK_WRE_ === 1'b1 && _TECHMAP_CONSTVAL_WRE_ === 1'b0);

    localparam [13:0] UNUSED = BIT_WIDTH >= 32 ? 31 : BIT_WIDTH >= 16 ? 15 : 0;

    pROMX9 #(
        `SAME_CONTENTS,
        .READ_MODE(READ_MODE),
        .BIT_WIDTH(BIT_WIDTH),
        .RESET_MODE(RESET_MODE)
    ) _TECHMAP_REPLACE_ (
        .CLK(CLK),
        .CE(CE),
        .OCE(OCE),
        .RESET(RESET),
        .AD(AD & ~UNUSED),
        .DO(DO)
    );
endmodule
