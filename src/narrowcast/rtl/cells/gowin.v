// SPDX-License-Identifier: Apache-2.0
// What yosys has no model of, as yosys uses it: the block memories (UG285, Gowin BSRAM & SSRAM User
// Guide) and the multipliers (UG287, Gowin DSP User Guide), all without registers at the outputs. Then
// what nextpnr makes of these and other primitives. Look-up tables and adders stand here because a
// simulation is made faster with them than with yosys' own.

module LUT1(output F, input I0);
    parameter [1:0] INIT = 0;
    assign F = INIT[I0];
endmodule

module LUT2(output F, input I0, I1);
    parameter [3:0] INIT = 0;
    assign F = INIT[{I1, I0}];
endmodule

module LUT3(output F, input I0, I1, I2);
    parameter [7:0] INIT = 0;
    assign F = INIT[{I2, I1, I0}];
endmodule

module LUT4(output F, input I0, I1, I2, I3);
    parameter [15:0] INIT = 0;
    assign F = INIT[{I3, I2, I1, I0}];
endmodule

// An adder is a table of four inputs, of which I2 is a one, and a carry chain: its carry is CIN where
// the table has a one, and otherwise what the lowest four bits of the table have for I0 and I1.
module ALU #(
    parameter ALU_MODE = 0, // 2: adds or subtracts; nextpnr: "C2L" and "ONE2C", at the chain's ends
    parameter CIN_NETTYPE = "",
    parameter [15:0] RAW_ALU_LUT = ALU_MODE == 2 ? 16'h609A : ALU_MODE == "ONE2C" ? 16'h000F : 0
) (
    output SUM, COUT,
    input I0, I1, I2, I3, CIN
);

    initial
        if (ALU_MODE != 2 && ALU_MODE != "C2L" && ALU_MODE != "ONE2C" && ALU_MODE != 0)
            $fatal(1, "ALU: this mode is not modelled");

    wire propagate = RAW_ALU_LUT[{I3, 1'b1, I1, I0}];
    assign SUM = propagate ^ CIN;
    assign COUT = propagate ? CIN : RAW_ALU_LUT[{2'b0, I1, I0}];

endmodule

// The words of a block memory at first, as parameters, and one behind the other.
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

`define FROM_THE_HIGHEST \
    INIT_RAM_3F, INIT_RAM_3E, INIT_RAM_3D, INIT_RAM_3C, INIT_RAM_3B, \
    INIT_RAM_3A, INIT_RAM_39, INIT_RAM_38, INIT_RAM_37, INIT_RAM_36, \
    INIT_RAM_35, INIT_RAM_34, INIT_RAM_33, INIT_RAM_32, INIT_RAM_31, \
    INIT_RAM_30, INIT_RAM_2F, INIT_RAM_2E, INIT_RAM_2D, INIT_RAM_2C, \
    INIT_RAM_2B, INIT_RAM_2A, INIT_RAM_29, INIT_RAM_28, INIT_RAM_27, \
    INIT_RAM_26, INIT_RAM_25, INIT_RAM_24, INIT_RAM_23, INIT_RAM_22, \
    INIT_RAM_21, INIT_RAM_20, INIT_RAM_1F, INIT_RAM_1E, INIT_RAM_1D, \
    INIT_RAM_1C, INIT_RAM_1B, INIT_RAM_1A, INIT_RAM_19, INIT_RAM_18, \
    INIT_RAM_17, INIT_RAM_16, INIT_RAM_15, INIT_RAM_14, INIT_RAM_13, \
    INIT_RAM_12, INIT_RAM_11, INIT_RAM_10, INIT_RAM_0F, INIT_RAM_0E, \
    INIT_RAM_0D, INIT_RAM_0C, INIT_RAM_0B, INIT_RAM_0A, INIT_RAM_09, \
    INIT_RAM_08, INIT_RAM_07, INIT_RAM_06, INIT_RAM_05, INIT_RAM_04, \
    INIT_RAM_03, INIT_RAM_02, INIT_RAM_01, INIT_RAM_00

`define SAME_CONTENTS \
    .INIT_RAM_00(INIT_RAM_00), .INIT_RAM_01(INIT_RAM_01), \
    .INIT_RAM_02(INIT_RAM_02), .INIT_RAM_03(INIT_RAM_03), \
    .INIT_RAM_04(INIT_RAM_04), .INIT_RAM_05(INIT_RAM_05), \
    .INIT_RAM_06(INIT_RAM_06), .INIT_RAM_07(INIT_RAM_07), \
    .INIT_RAM_08(INIT_RAM_08), .INIT_RAM_09(INIT_RAM_09), \
    .INIT_RAM_0A(INIT_RAM_0A), .INIT_RAM_0B(INIT_RAM_0B), \
    .INIT_RAM_0C(INIT_RAM_0C), .INIT_RAM_0D(INIT_RAM_0D), \
    .INIT_RAM_0E(INIT_RAM_0E), .INIT_RAM_0F(INIT_RAM_0F), \
    .INIT_RAM_10(INIT_RAM_10), .INIT_RAM_11(INIT_RAM_11), \
    .INIT_RAM_12(INIT_RAM_12), .INIT_RAM_13(INIT_RAM_13), \
    .INIT_RAM_14(INIT_RAM_14), .INIT_RAM_15(INIT_RAM_15), \
    .INIT_RAM_16(INIT_RAM_16), .INIT_RAM_17(INIT_RAM_17), \
    .INIT_RAM_18(INIT_RAM_18), .INIT_RAM_19(INIT_RAM_19), \
    .INIT_RAM_1A(INIT_RAM_1A), .INIT_RAM_1B(INIT_RAM_1B), \
    .INIT_RAM_1C(INIT_RAM_1C), .INIT_RAM_1D(INIT_RAM_1D), \
    .INIT_RAM_1E(INIT_RAM_1E), .INIT_RAM_1F(INIT_RAM_1F), \
    .INIT_RAM_20(INIT_RAM_20), .INIT_RAM_21(INIT_RAM_21), \
    .INIT_RAM_22(INIT_RAM_22), .INIT_RAM_23(INIT_RAM_23), \
    .INIT_RAM_24(INIT_RAM_24), .INIT_RAM_25(INIT_RAM_25), \
    .INIT_RAM_26(INIT_RAM_26), .INIT_RAM_27(INIT_RAM_27), \
    .INIT_RAM_28(INIT_RAM_28), .INIT_RAM_29(INIT_RAM_29), \
    .INIT_RAM_2A(INIT_RAM_2A), .INIT_RAM_2B(INIT_RAM_2B), \
    .INIT_RAM_2C(INIT_RAM_2C), .INIT_RAM_2D(INIT_RAM_2D), \
    .INIT_RAM_2E(INIT_RAM_2E), .INIT_RAM_2F(INIT_RAM_2F), \
    .INIT_RAM_30(INIT_RAM_30), .INIT_RAM_31(INIT_RAM_31), \
    .INIT_RAM_32(INIT_RAM_32), .INIT_RAM_33(INIT_RAM_33), \
    .INIT_RAM_34(INIT_RAM_34), .INIT_RAM_35(INIT_RAM_35), \
    .INIT_RAM_36(INIT_RAM_36), .INIT_RAM_37(INIT_RAM_37), \
    .INIT_RAM_38(INIT_RAM_38), .INIT_RAM_39(INIT_RAM_39), \
    .INIT_RAM_3A(INIT_RAM_3A), .INIT_RAM_3B(INIT_RAM_3B), \
    .INIT_RAM_3C(INIT_RAM_3C), .INIT_RAM_3D(INIT_RAM_3D), \
    .INIT_RAM_3E(INIT_RAM_3E), .INIT_RAM_3F(INIT_RAM_3F)

// A block memory with two ports of the same width. An address counts bits, without the ninth ones of
// bytes; for words of several bytes its lowest bits are their write enables. CONTENTS has the words
// one after the other, in 64 rows of which words without ninth bits leave the last 32 bits out. A port that writes keeps its output, or with THROUGH shows the word as written.
// What one port writes while the other one reads it comes out inverted, because yosys does not rely
// on it.
module bsram #(
    parameter WIDTH = 36,
    parameter THROUGH_A = 0,
    parameter THROUGH_B = 0,
    parameter [18431:0] CONTENTS = 0
) (
    input clk_a, enable_a, clear_a, write_a,
    input [13:0] address_a,
    input [35:0] in_a,
    output reg [35:0] out_a,
    input clk_b, enable_b, clear_b, write_b,
    input [13:0] address_b,
    input [35:0] in_b,
    output reg [35:0] out_b
);

    localparam LOW = WIDTH > 18 ? 5 : WIDTH > 9 ? 4 : WIDTH > 4 ? 3 : WIDTH > 2 ? 2 : WIDTH - 1;
    localparam BYTE = WIDTH % 9 == 0 ? 9 : 8;
    localparam ROW = 32 * BYTE;
    localparam WORDS = 1 << (14 - LOW);

    reg [WIDTH - 1:0] words [0:WORDS - 1];
    integer i;

    initial begin
        for (i = 0; i < WORDS; i = i + 1)
            words[i] = CONTENTS[i * WIDTH / ROW * 288 + i * WIDTH % ROW +: WIDTH];
        out_a = 0;
        out_b = 0;
    end

    function [WIDTH - 1:0] written(input enable, input [13:0] address);
        integer k;
        for (k = 0; k < WIDTH; k = k + 1)
            written[k] = enable && (WIDTH < 16 || address[k / BYTE]);
    endfunction

    wire [13 - LOW:0] word_a = address_a[13:LOW];
    wire [13 - LOW:0] word_b = address_b[13:LOW];
    wire [WIDTH - 1:0] mask_a = written(enable_a && write_a, address_a);
    wire [WIDTH - 1:0] mask_b = written(enable_b && write_b, address_b);
    wire [WIDTH - 1:0] new_a = (words[word_a] & ~mask_a) | (in_a[WIDTH - 1:0] & mask_a);
    wire [WIDTH - 1:0] new_b = (words[word_b] & ~mask_b) | (in_b[WIDTH - 1:0] & mask_b);

    always @(posedge clk_a) begin
        if (mask_a != 0)
            words[word_a] <= new_a;
        if (clear_a)
            out_a <= 0;
        else if (enable_a && write_a && THROUGH_A)
            out_a <= 36'(new_a);
        else if (enable_a && !write_a)
            out_a <= 36'(words[word_a] ^ (word_a == word_b ? mask_b : 0));
    end

    always @(posedge clk_b) begin
        if (mask_b != 0)
            words[word_b] <= new_b;
        if (clear_b)
            out_b <= 0;
        else if (enable_b && write_b && THROUGH_B)
            out_b <= 36'(new_b);
        else if (enable_b && !write_b)
            out_b <= 36'(words[word_b] ^ (word_b == word_a ? mask_a : 0));
    end

endmodule

module pROM #(
    parameter [287:0] `CONTENTS,
    parameter READ_MODE = 0, BIT_WIDTH = 32, RESET_MODE = "SYNC"
) (
    input CLK, CE, OCE, RESET,
    input [13:0] AD,
    output [31:0] DO
);

    initial
        if (READ_MODE != 0)
            $fatal(1, "pROM: this mode is not modelled");

    always @*
        if (RESET_MODE != "SYNC" && RESET)
            $fatal(1, "pROM: an asynchronous reset is not modelled");

    wire [35:0] out;
    assign DO = out[31:0];

    bsram #(
        .WIDTH(BIT_WIDTH),
        .CONTENTS({`FROM_THE_HIGHEST})
    ) memory (
        .clk_a(CLK),
        .enable_a(CE),
        .clear_a(RESET),
        .write_a(1'b0),
        .address_a(AD),
        .in_a(36'b0),
        .out_a(out),
        .clk_b(CLK),
        .enable_b(1'b0),
        .clear_b(1'b0),
        .write_b(1'b0),
        .address_b(14'b0),
        .in_b(36'b0),
        .out_b()
    );

endmodule

module pROMX9 #(
    parameter [287:0] `CONTENTS,
    parameter READ_MODE = 0, BIT_WIDTH = 36, RESET_MODE = "SYNC"
) (
    input CLK, CE, OCE, RESET,
    input [13:0] AD,
    output [35:0] DO
);

    initial
        if (READ_MODE != 0)
            $fatal(1, "pROMX9: this mode is not modelled");

    always @*
        if (RESET_MODE != "SYNC" && RESET)
            $fatal(1, "pROMX9: an asynchronous reset is not modelled");

    wire [35:0] out;
    assign DO = out[35:0];

    bsram #(
        .WIDTH(BIT_WIDTH),
        .CONTENTS({`FROM_THE_HIGHEST})
    ) memory (
        .clk_a(CLK),
        .enable_a(CE),
        .clear_a(RESET),
        .write_a(1'b0),
        .address_a(AD),
        .in_a(36'b0),
        .out_a(out),
        .clk_b(CLK),
        .enable_b(1'b0),
        .clear_b(1'b0),
        .write_b(1'b0),
        .address_b(14'b0),
        .in_b(36'b0),
        .out_b()
    );

endmodule

module SDPB #(
    parameter [287:0] `CONTENTS,
    parameter READ_MODE = 0, BIT_WIDTH_0 = 32, BIT_WIDTH_1 = 32,
    parameter [2:0] BLK_SEL_0 = 0, BLK_SEL_1 = 0,
    parameter RESET_MODE = "SYNC"
) (
    input CLKA, CEA, RESETA, CLKB, CEB, RESETB, OCE,
    input [2:0] BLKSELA, BLKSELB,
    input [13:0] ADA, ADB,
    input [31:0] DI,
    output [31:0] DO
);

    initial
        if (READ_MODE != 0 || BIT_WIDTH_0 != BIT_WIDTH_1)
            $fatal(1, "SDPB: this mode is not modelled");

    always @*
        if (RESET_MODE != "SYNC" && (RESETA || RESETB))
            $fatal(1, "SDPB: an asynchronous reset is not modelled");

    wire [35:0] out;
    assign DO = out[31:0];

    bsram #(
        .WIDTH(BIT_WIDTH_0),
        .CONTENTS({`FROM_THE_HIGHEST})
    ) memory (
        .clk_a(CLKA),
        .enable_a(CEA && BLKSELA == BLK_SEL_0),
        .clear_a(RESETA),
        .write_a(1'b1),
        .address_a(ADA),
        .in_a({4'b0, DI}),
        .out_a(),
        .clk_b(CLKB),
        .enable_b(CEB && BLKSELB == BLK_SEL_1),
        .clear_b(RESETB),
        .write_b(1'b0),
        .address_b(ADB),
        .in_b(36'b0),
        .out_b(out)
    );

endmodule

module SDPX9B #(
    parameter [287:0] `CONTENTS,
    parameter READ_MODE = 0, BIT_WIDTH_0 = 36, BIT_WIDTH_1 = 36,
    parameter [2:0] BLK_SEL_0 = 0, BLK_SEL_1 = 0,
    parameter RESET_MODE = "SYNC"
) (
    input CLKA, CEA, RESETA, CLKB, CEB, RESETB, OCE,
    input [2:0] BLKSELA, BLKSELB,
    input [13:0] ADA, ADB,
    input [35:0] DI,
    output [35:0] DO
);

    initial
        if (READ_MODE != 0 || BIT_WIDTH_0 != BIT_WIDTH_1)
            $fatal(1, "SDPX9B: this mode is not modelled");

    always @*
        if (RESET_MODE != "SYNC" && (RESETA || RESETB))
            $fatal(1, "SDPX9B: an asynchronous reset is not modelled");

    wire [35:0] out;
    assign DO = out[35:0];

    bsram #(
        .WIDTH(BIT_WIDTH_0),
        .CONTENTS({`FROM_THE_HIGHEST})
    ) memory (
        .clk_a(CLKA),
        .enable_a(CEA && BLKSELA == BLK_SEL_0),
        .clear_a(RESETA),
        .write_a(1'b1),
        .address_a(ADA),
        .in_a(DI),
        .out_a(),
        .clk_b(CLKB),
        .enable_b(CEB && BLKSELB == BLK_SEL_1),
        .clear_b(RESETB),
        .write_b(1'b0),
        .address_b(ADB),
        .in_b(36'b0),
        .out_b(out)
    );

endmodule

module DPB #(
    parameter [287:0] `CONTENTS,
    parameter READ_MODE0 = 0, READ_MODE1 = 0, BIT_WIDTH_0 = 16, BIT_WIDTH_1 = 16,
    parameter [1:0] WRITE_MODE0 = 0, WRITE_MODE1 = 0,
    parameter [2:0] BLK_SEL_0 = 0, BLK_SEL_1 = 0,
    parameter RESET_MODE = "SYNC"
) (
    input CLKA, CEA, OCEA, RESETA, WREA, CLKB, CEB, OCEB, RESETB, WREB,
    input [2:0] BLKSELA, BLKSELB,
    input [13:0] ADA, ADB,
    input [15:0] DIA, DIB,
    output [15:0] DOA, DOB
);

    initial
        if (READ_MODE0 != 0 || READ_MODE1 != 0 || WRITE_MODE0 > 1 || WRITE_MODE1 > 1
            || BIT_WIDTH_0 != BIT_WIDTH_1)
            $fatal(1, "DPB: this mode is not modelled");

    always @*
        if (RESET_MODE != "SYNC" && (RESETA || RESETB))
            $fatal(1, "DPB: an asynchronous reset is not modelled");

    wire [35:0] out_a, out_b;
    assign DOA = out_a[15:0];
    assign DOB = out_b[15:0];

    bsram #(
        .WIDTH(BIT_WIDTH_0),
        .THROUGH_A(WRITE_MODE0),
        .THROUGH_B(WRITE_MODE1),
        .CONTENTS({`FROM_THE_HIGHEST})
    ) memory (
        .clk_a(CLKA),
        .enable_a(CEA && BLKSELA == BLK_SEL_0),
        .clear_a(RESETA),
        .write_a(WREA),
        .address_a(ADA),
        .in_a({20'b0, DIA}),
        .out_a(out_a),
        .clk_b(CLKB),
        .enable_b(CEB && BLKSELB == BLK_SEL_1),
        .clear_b(RESETB),
        .write_b(WREB),
        .address_b(ADB),
        .in_b({20'b0, DIB}),
        .out_b(out_b)
    );

endmodule

module DPX9B #(
    parameter [287:0] `CONTENTS,
    parameter READ_MODE0 = 0, READ_MODE1 = 0, BIT_WIDTH_0 = 18, BIT_WIDTH_1 = 18,
    parameter [1:0] WRITE_MODE0 = 0, WRITE_MODE1 = 0,
    parameter [2:0] BLK_SEL_0 = 0, BLK_SEL_1 = 0,
    parameter RESET_MODE = "SYNC"
) (
    input CLKA, CEA, OCEA, RESETA, WREA, CLKB, CEB, OCEB, RESETB, WREB,
    input [2:0] BLKSELA, BLKSELB,
    input [13:0] ADA, ADB,
    input [17:0] DIA, DIB,
    output [17:0] DOA, DOB
);

    initial
        if (READ_MODE0 != 0 || READ_MODE1 != 0 || WRITE_MODE0 > 1 || WRITE_MODE1 > 1
            || BIT_WIDTH_0 != BIT_WIDTH_1)
            $fatal(1, "DPX9B: this mode is not modelled");

    always @*
        if (RESET_MODE != "SYNC" && (RESETA || RESETB))
            $fatal(1, "DPX9B: an asynchronous reset is not modelled");

    wire [35:0] out_a, out_b;
    assign DOA = out_a[17:0];
    assign DOB = out_b[17:0];

    bsram #(
        .WIDTH(BIT_WIDTH_0),
        .THROUGH_A(WRITE_MODE0),
        .THROUGH_B(WRITE_MODE1),
        .CONTENTS({`FROM_THE_HIGHEST})
    ) memory (
        .clk_a(CLKA),
        .enable_a(CEA && BLKSELA == BLK_SEL_0),
        .clear_a(RESETA),
        .write_a(WREA),
        .address_a(ADA),
        .in_a({18'b0, DIA}),
        .out_a(out_a),
        .clk_b(CLKB),
        .enable_b(CEB && BLKSELB == BLK_SEL_1),
        .clear_b(RESETB),
        .write_b(WREB),
        .address_b(ADB),
        .in_b({18'b0, DIB}),
        .out_b(out_b)
    );

endmodule

module MULT9X9 #(
    parameter AREG = 0, BREG = 0, OUT_REG = 0, PIPE_REG = 0, ASIGN_REG = 0, BSIGN_REG = 0, SOA_REG = 0,
    parameter MULT_RESET_MODE = "SYNC"
) (
    input [8:0] A, B, SIA, SIB,
    input ASIGN, BSIGN, ASEL, BSEL, CE, CLK, RESET,
    output [17:0] DOUT,
    output [8:0] SOA, SOB
);

    initial
        if (AREG != 0 || BREG != 0 || OUT_REG != 0 || PIPE_REG != 0)
            $fatal(1, "MULT9X9: registers are not modelled");

    wire signed [9:0] a = {ASIGN & A[8], A};
    wire signed [9:0] b = {BSIGN & B[8], B};
    wire signed [19:0] product = a * b;

    assign DOUT = product[17:0];

endmodule

module MULT18X18 #(
    parameter AREG = 0, BREG = 0, OUT_REG = 0, PIPE_REG = 0, ASIGN_REG = 0, BSIGN_REG = 0, SOA_REG = 0,
    parameter MULT_RESET_MODE = "SYNC"
) (
    input [17:0] A, B, SIA, SIB,
    input ASIGN, BSIGN, ASEL, BSEL, CE, CLK, RESET,
    output [35:0] DOUT,
    output [17:0] SOA, SOB
);

    initial
        if (AREG != 0 || BREG != 0 || OUT_REG != 0 || PIPE_REG != 0)
            $fatal(1, "MULT18X18: registers are not modelled");

    wire signed [18:0] a = {ASIGN & A[17], A};
    wire signed [18:0] b = {BSIGN & B[17], B};
    wire signed [37:0] product = a * b;

    assign DOUT = product[35:0];

endmodule

// From here on: what nextpnr makes of the primitives.
//
// A block memory has pins for bytes of nine bits. A word without ninth bits takes those that nextpnr
// gives it. A read port of less than 32 bits that has no pins of its own takes the upper half.
`define PINS(WIDTH, WORD) \
    (WIDTH == 32 ? {1'b0, WORD[31:26], 1'b0, WORD[25:17], 1'b0, WORD[16:8], 1'b0, WORD[7:0]} \
     : WIDTH == 16 ? {19'b0, WORD[15:8], 1'b0, WORD[7:0]} : WORD)
`define WORD(WIDTH, PINS) \
    (WIDTH == 32 ? {4'b0, PINS[34:29], PINS[27:19], PINS[17:9], PINS[7:0]} \
     : WIDTH == 16 ? {20'b0, PINS[16:9], PINS[7:0]} : PINS)
`define UPPER(WIDTH, PINS) (WIDTH >= 32 ? PINS : PINS << 18)

module ROM #(
    parameter [287:0] `CONTENTS,
    parameter READ_MODE = 0, BIT_WIDTH = 36, RESET_MODE = "SYNC",
    parameter [2:0] BLK_SEL = 0
) (
    input CLK, CE, OCE, RESET, WRE, BLKSEL0, BLKSEL1, BLKSEL2, CEA,
    input CLKB, CEB, OCEB, RESETB, WREB, BLKSELB0, BLKSELB1, BLKSELB2,
    input [13:0] ADA, ADB,
    output [35:0] DO
);

    wire [35:0] out;
    wire [35:0] pins = `PINS(BIT_WIDTH, out);
    assign DO = `UPPER(BIT_WIDTH, pins);

    pROMX9 #(
        `SAME_CONTENTS,
        .READ_MODE(READ_MODE),
        .BIT_WIDTH(BIT_WIDTH),
        .RESET_MODE(RESET_MODE)
    ) memory (
        .CLK(CLKB),
        .CE(CEB && {BLKSELB2, BLKSELB1, BLKSELB0} == BLK_SEL),
        .OCE(OCEB),
        .RESET(RESETB),
        .AD(ADB),
        .DO(out)
    );

endmodule

module SDP #(
    parameter [287:0] `CONTENTS,
    parameter READ_MODE = 0, BIT_WIDTH_0 = 36, BIT_WIDTH_1 = 36,
    parameter [2:0] BLK_SEL_0 = 0, BLK_SEL_1 = 0,
    parameter RESET_MODE = "SYNC"
) (
    input CLKA, CEA, RESETA, WREA, BLKSELA0, BLKSELA1, BLKSELA2,
    input CLKB, CEB, RESETB, WREB, BLKSELB0, BLKSELB1, BLKSELB2, RESET, OCE, OCEB,
    input [13:0] ADA, ADB,
    input [35:0] DI,
    output [35:0] DO
);

    wire [35:0] out;
    wire [35:0] pins = `PINS(BIT_WIDTH_1, out);
    assign DO = `UPPER(BIT_WIDTH_1, pins);

    SDPX9B #(
        `SAME_CONTENTS,
        .READ_MODE(READ_MODE),
        .BIT_WIDTH_0(BIT_WIDTH_0),
        .BIT_WIDTH_1(BIT_WIDTH_1),
        .BLK_SEL_0(BLK_SEL_0),
        .BLK_SEL_1(BLK_SEL_1),
        .RESET_MODE(RESET_MODE)
    ) memory (
        .CLKA(CLKA),
        .CEA(CEA && WREA),
        .RESETA(RESETA),
        .CLKB(CLKB),
        .CEB(CEB),
        .RESETB(RESETB || RESET),
        .OCE(OCE),
        .BLKSELA({BLKSELA2, BLKSELA1, BLKSELA0}),
        .BLKSELB({BLKSELB2, BLKSELB1, BLKSELB0}),
        .ADA(ADA),
        .ADB(ADB),
        .DI(`WORD(BIT_WIDTH_0, DI)),
        .DO(out)
    );

endmodule

module DP #(
    parameter [287:0] `CONTENTS,
    parameter READ_MODE0 = 0, READ_MODE1 = 0, BIT_WIDTH_0 = 18, BIT_WIDTH_1 = 18,
    parameter [1:0] WRITE_MODE0 = 0, WRITE_MODE1 = 0,
    parameter [2:0] BLK_SEL_0 = 0, BLK_SEL_1 = 0,
    parameter RESET_MODE = "SYNC"
) (
    input CLKA, CEA, OCEA, RESETA, WREA, BLKSELA0, BLKSELA1, BLKSELA2,
    input CLKB, CEB, OCEB, RESETB, WREB, BLKSELB0, BLKSELB1, BLKSELB2,
    input [13:0] ADA, ADB,
    input [35:0] DIA, DIB,
    output [35:0] DOA, DOB
);

    wire [35:0] in_a = `WORD(BIT_WIDTH_0, DIA);
    wire [35:0] in_b = `WORD(BIT_WIDTH_1, DIB);
    wire [35:0] out_a, out_b;
    assign DOA = `PINS(BIT_WIDTH_0, out_a);
    assign DOB = `PINS(BIT_WIDTH_1, out_b);

    DPX9B #(
        `SAME_CONTENTS,
        .READ_MODE0(READ_MODE0),
        .READ_MODE1(READ_MODE1),
        .BIT_WIDTH_0(BIT_WIDTH_0),
        .BIT_WIDTH_1(BIT_WIDTH_1),
        .WRITE_MODE0(WRITE_MODE0),
        .WRITE_MODE1(WRITE_MODE1),
        .BLK_SEL_0(BLK_SEL_0),
        .BLK_SEL_1(BLK_SEL_1),
        .RESET_MODE(RESET_MODE)
    ) memory (
        .CLKA(CLKA),
        .CEA(CEA),
        .OCEA(OCEA),
        .RESETA(RESETA),
        .WREA(WREA),
        .CLKB(CLKB),
        .CEB(CEB),
        .OCEB(OCEB),
        .RESETB(RESETB),
        .WREB(WREB),
        .BLKSELA({BLKSELA2, BLKSELA1, BLKSELA0}),
        .BLKSELB({BLKSELB2, BLKSELB1, BLKSELB0}),
        .ADA(ADA),
        .ADB(ADB),
        .DIA(in_a[17:0]),
        .DIB(in_b[17:0]),
        .DOA(out_a[17:0]),
        .DOB(out_b[17:0])
    );

    assign out_a[35:18] = 0;
    assign out_b[35:18] = 0;

endmodule

module RAM16SDP4 #(
    parameter [15:0] INIT_0 = 0, INIT_1 = 0, INIT_2 = 0, INIT_3 = 0
) (
    input CLK, CE, WRE,
    input [3:0] WAD, RAD, DI,
    output [3:0] DO
);

    reg [15:0] bits [0:3];

    initial begin
        bits[0] = INIT_0;
        bits[1] = INIT_1;
        bits[2] = INIT_2;
        bits[3] = INIT_3;
    end

    always @(posedge CLK)
        if (WRE)
            {bits[3][WAD], bits[2][WAD], bits[1][WAD], bits[0][WAD]} <= DI;

    assign DO = {bits[3][RAD], bits[2][RAD], bits[1][RAD], bits[0][RAD]};

endmodule

module IBUF #(
    parameter NET_I = "", NET_O = "", NET_BOTTOM_IO_PORT_A = "", NET_BOTTOM_IO_PORT_B = ""
) (
    input I, BOTTOM_IO_PORT_A, BOTTOM_IO_PORT_B,
    output O
);
    assign O = I;
endmodule

module OBUF #(
    parameter NET_I = "", NET_O = "", NET_BOTTOM_IO_PORT_A = "", NET_BOTTOM_IO_PORT_B = ""
) (
    input I, BOTTOM_IO_PORT_A, BOTTOM_IO_PORT_B,
    output O
);
    assign O = I;
endmodule

module BUFG(input I, output O);
    assign O = I;
endmodule

module GOWIN_VCC(output V);
    assign V = 1;
endmodule

module GOWIN_GND(output G);
    assign G = 0;
endmodule

module DUMMY_CELL;
endmodule
