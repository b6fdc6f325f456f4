// SPDX-License-Identifier: Apache-2.0
// What yosys has no model of, as yosys and nextpnr use it: the block memory (FPGA-TN-02204) and the
// multiplier (FPGA-TN-02205) of the ECP5, this without registers, and the cells of a slice
// (FPGA-DS-02012) as nextpnr packs them. The look-up table stands here because Verilator and
// the compiler are faster with it than with yosys' own. What stands between a net and a pin (CEMUX
// and the like) is no part of the models.

module LUT4(input A, B, C, D, output Z);
    parameter [15:0] INIT = 0;
    assign Z = INIT[{D, C, B, A}];
endmodule

module TRELLIS_FF #(
    parameter SD = "1", // nextpnr: "0" if the bit comes past the look-up table
    parameter REGSET = "RESET", SRMODE = "LSR_OVER_CE", GSR = "DISABLED", LSRMODE = "LSR"
) (
    input CLK, CE, LSR, DI, M,
    output reg Q
);

    localparam SET = REGSET == "SET";
    wire bit_in = SD == "0" ? M : DI;

    initial begin
        Q = SET;
        if (GSR != "DISABLED" || LSRMODE != "LSR")
            $fatal(1, "TRELLIS_FF: this mode is not modelled");
    end

    generate
        if (SRMODE == "ASYNC") begin
            always @(posedge CLK or posedge LSR)
                if (LSR)
                    Q <= SET;
                else if (CE)
                    Q <= bit_in;
        end else begin
            always @(posedge CLK)
                if (CE || LSR && SRMODE == "LSR_OVER_CE")
                    Q <= LSR ? SET : bit_in;
        end
    endgenerate

endmodule

// Half of a slice: a look-up table, half of a carry chain, or 16 bits of memory, and a multiplexer
// of two look-up tables, this and its neighbour, or of two such multiplexers.
module TRELLIS_COMB #(
    parameter MODE = "LOGIC",
    parameter [15:0] INITVAL = 0,
    parameter CCU2_INJECT1 = "NO", // "YES": the carry does not reach this half
    parameter USES_FXA = 0 // whether the multiplexer is one of multiplexers
) (
    input A, B, C, D, M, FCI, F1, FXA, FXB, DI0, DI1, WD, WAD0, WAD1, WAD2, WAD3, WRE, WCK,
    output F, FCO, OFX
);

    assign OFX = USES_FXA ? (M ? FXB : FXA) : (M ? F1 : F);

    generate
        if (MODE == "DPRAM") begin
            reg [15:0] bits = INITVAL;
            always @(posedge WCK)
                if (WRE)
                    bits[{WAD3, WAD2, WAD1, WAD0}] <= WD;
            assign F = bits[{A, C, B, D}];
            assign FCO = 0;
        end else begin
            wire four = INITVAL[{D, C, B, A}];
            wire two = INITVAL[{B, A}];
            assign F = MODE == "CCU2" && CCU2_INJECT1 == "NO" ? four ^ FCI : four;
            assign FCO = four ? FCI : two && CCU2_INJECT1 == "NO";
        end
    endgenerate

endmodule

// Passes what is to be written from the inputs of two look-up tables to the memory of a slice.
module TRELLIS_RAMW (
    input A0, B0, C0, D0, A1, B1, C1, D1,
    output WADO0, WADO1, WADO2, WADO3, WDO0, WDO1, WDO2, WDO3
);
    assign {WADO3, WADO2, WADO1, WADO0} = {A0, C0, B0, D0};
    assign {WDO3, WDO2, WDO1, WDO0} = {B1, D1, A1, C1};
endmodule

module TRELLIS_IO #(
    parameter DIR = "INPUT", DATAMUX_ODDR = "PADDO", DATAMUX_MDDR = "PADDO"
) (
    inout B,
    input I, T, IOLDO, IOLTO,
    output O
);

    initial
        if (DATAMUX_ODDR != "PADDO" || DATAMUX_MDDR != "PADDO")
            $fatal(1, "TRELLIS_IO: registers are not modelled");

    generate
        if (DIR == "INPUT")
            assign O = B;
        else
            assign B = T ? 1'bz : I;
        if (DIR == "BIDIR")
            assign O = B;
    endgenerate

endmodule

module DCCA(input CLKI, CE, output CLKO);
    assign CLKO = CLKI && CE;
endmodule

module DP16KD #(
    parameter [319:0]
        INITVAL_00 = 0, INITVAL_01 = 0, INITVAL_02 = 0, INITVAL_03 = 0, INITVAL_04 = 0,
        INITVAL_05 = 0, INITVAL_06 = 0, INITVAL_07 = 0, INITVAL_08 = 0, INITVAL_09 = 0,
        INITVAL_0A = 0, INITVAL_0B = 0, INITVAL_0C = 0, INITVAL_0D = 0, INITVAL_0E = 0,
        INITVAL_0F = 0, INITVAL_10 = 0, INITVAL_11 = 0, INITVAL_12 = 0, INITVAL_13 = 0,
        INITVAL_14 = 0, INITVAL_15 = 0, INITVAL_16 = 0, INITVAL_17 = 0, INITVAL_18 = 0,
        INITVAL_19 = 0, INITVAL_1A = 0, INITVAL_1B = 0, INITVAL_1C = 0, INITVAL_1D = 0,
        INITVAL_1E = 0, INITVAL_1F = 0, INITVAL_20 = 0, INITVAL_21 = 0, INITVAL_22 = 0,
        INITVAL_23 = 0, INITVAL_24 = 0, INITVAL_25 = 0, INITVAL_26 = 0, INITVAL_27 = 0,
        INITVAL_28 = 0, INITVAL_29 = 0, INITVAL_2A = 0, INITVAL_2B = 0, INITVAL_2C = 0,
        INITVAL_2D = 0, INITVAL_2E = 0, INITVAL_2F = 0, INITVAL_30 = 0, INITVAL_31 = 0,
        INITVAL_32 = 0, INITVAL_33 = 0, INITVAL_34 = 0, INITVAL_35 = 0, INITVAL_36 = 0,
        INITVAL_37 = 0, INITVAL_38 = 0, INITVAL_39 = 0, INITVAL_3A = 0, INITVAL_3B = 0,
        INITVAL_3C = 0, INITVAL_3D = 0, INITVAL_3E = 0, INITVAL_3F = 0,
    parameter DATA_WIDTH_A = 18, DATA_WIDTH_B = 18,
    parameter REGMODE_A = "NOREG", REGMODE_B = "NOREG",
    parameter RESETMODE = "SYNC", ASYNC_RESET_RELEASE = "SYNC",
    parameter CSDECODE_A = "0b000", CSDECODE_B = "0b000",
    parameter WRITEMODE_A = "NORMAL", WRITEMODE_B = "NORMAL",
    parameter GSR = "AUTO"
) (
    input CLKA, CEA, OCEA, WEA, RSTA, CSA0, CSA1, CSA2,
    input CLKB, CEB, OCEB, WEB, RSTB, CSB0, CSB1, CSB2,
    input [13:0] ADA, ADB,
    input [17:0] DIA, DIB,
    output [17:0] DOA, DOB
);

    localparam WIDE = DATA_WIDTH_A == 36 || DATA_WIDTH_B == 36;

    initial
        if (WIDE && (REGMODE_A != "NOREG" || REGMODE_B != "NOREG")
            || CSDECODE_A != "0b000" || CSDECODE_B != "0b000")
            $fatal(1, "DP16KD: this mode is not modelled");

    always @(posedge CLKA)
        if (RESETMODE != "SYNC" && (RSTA || RSTB))
            $fatal(1, "DP16KD: an asynchronous reset is not modelled");

    wire [35:0] out_a, out_b;

    reg [17:0] register_a = 0, register_b = 0;

    always @(posedge CLKA)
        if (RSTA)
            register_a <= 0;
        else if (OCEA)
            register_a <= out_a[17:0];

    always @(posedge CLKB)
        if (RSTB)
            register_b <= 0;
        else if (OCEB)
            register_b <= out_b[17:0];

    // A port of 36 bits takes both ports' pins, and is the only one that reads or writes.
    assign DOA = REGMODE_A != "NOREG" ? register_a : DATA_WIDTH_B == 36 ? out_b[17:0] : out_a[17:0];
    assign DOB = REGMODE_B != "NOREG" ? register_b : DATA_WIDTH_B == 36 ? out_b[35:18] : out_b[17:0];

    // Ports of 18 and 36 bits have their byte enables in place of the lowest address bits.
    block_memory #(
        .READ_A(WIDE ? 0 : DATA_WIDTH_A),
        .READ_B(DATA_WIDTH_B),
        .WRITE_A(DATA_WIDTH_A),
        .WRITE_B(WIDE ? 0 : DATA_WIDTH_B),
        .PAIRS(1),
        .DATA({
            INITVAL_3F, INITVAL_3E, INITVAL_3D, INITVAL_3C, INITVAL_3B, INITVAL_3A, INITVAL_39,
            INITVAL_38, INITVAL_37, INITVAL_36, INITVAL_35, INITVAL_34, INITVAL_33, INITVAL_32,
            INITVAL_31, INITVAL_30, INITVAL_2F, INITVAL_2E, INITVAL_2D, INITVAL_2C, INITVAL_2B,
            INITVAL_2A, INITVAL_29, INITVAL_28, INITVAL_27, INITVAL_26, INITVAL_25, INITVAL_24,
            INITVAL_23, INITVAL_22, INITVAL_21, INITVAL_20, INITVAL_1F, INITVAL_1E, INITVAL_1D,
            INITVAL_1C, INITVAL_1B, INITVAL_1A, INITVAL_19, INITVAL_18, INITVAL_17, INITVAL_16,
            INITVAL_15, INITVAL_14, INITVAL_13, INITVAL_12, INITVAL_11, INITVAL_10, INITVAL_0F,
            INITVAL_0E, INITVAL_0D, INITVAL_0C, INITVAL_0B, INITVAL_0A, INITVAL_09, INITVAL_08,
            INITVAL_07, INITVAL_06, INITVAL_05, INITVAL_04, INITVAL_03, INITVAL_02, INITVAL_01,
            INITVAL_00
        })
    ) memory (
        .clk_a(CLKA),
        .enable_a(CEA),
        .clear_a(RSTA),
        .write_a({4{WEA}} & (DATA_WIDTH_A >= 18 ? ADA[3:0] : 4'b1)),
        .address_a(ADA),
        .in_a({DIB, DIA}),
        .out_a(out_a),
        .clk_b(CLKB),
        .enable_b(CEB),
        .clear_b(RSTB),
        .write_b({4{WEB}} & (DATA_WIDTH_B >= 18 ? ADB[3:0] : 4'b1)),
        .address_b(ADB),
        .in_b({18'b0, DIB}),
        .out_b(out_b)
    );

endmodule

module MULT18X18D #(
    parameter REG_INPUTA_CLK = "NONE", REG_INPUTB_CLK = "NONE",
    parameter REG_PIPELINE_CLK = "NONE", REG_OUTPUT_CLK = "NONE"
) (
    input [17:0] A, B, C, SRIA, SRIB,
    input SIGNEDA, SIGNEDB, SOURCEA, SOURCEB,
    input CLK0, CLK1, CLK2, CLK3, CE0, CE1, CE2, CE3, RST0, RST1, RST2, RST3,
    output [35:0] P
);

    initial
        if (REG_INPUTA_CLK != "NONE" || REG_INPUTB_CLK != "NONE"
            || REG_PIPELINE_CLK != "NONE" || REG_OUTPUT_CLK != "NONE")
            $fatal(1, "MULT18X18D: registers are not modelled");

    wire signed [18:0] a = {SIGNEDA & A[17], A};
    wire signed [18:0] b = {SIGNEDB & B[17], B};
    wire signed [37:0] product = a * b;

    assign P = product[35:0];

endmodule
