// SPDX-License-Identifier: Apache-2.0
// What yosys has no model of, as yosys uses it: the block memories (UG285, Gowin BSRAM & SSRAM User
// Guide) and the multipliers (UG287, Gowin DSP User Guide), all without registers at the outputs.
// Look-up tables and adders stand here because Verilator and the compiler are faster with them than
// with yosys' own.

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

module ALU #(
    parameter ALU_MODE = 0
) (
    output SUM, COUT,
    input I0, I1, I3, CIN
);

    initial
        if (ALU_MODE != 2)
            $fatal(1, "ALU: only mode 2, which adds or subtracts, is modelled");

    wire propagate = I0 ^ I1 ^ !I3;
    assign SUM = propagate ^ CIN;
    assign COUT = propagate ? CIN : I0;

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

// A block memory with two ports of the same width. An address counts bits, without the ninth ones of
// bytes; for words of several bytes its lowest bits are their write enables. CONTENTS has the words
// one after the other. A port that writes keeps its output, or with THROUGH shows the word as written.
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
    localparam WORDS = 1 << (14 - LOW);

    reg [WIDTH - 1:0] words [0:WORDS - 1];
    integer i;

    initial begin
        for (i = 0; i < WORDS; i = i + 1)
            words[i] = CONTENTS[i * WIDTH +: WIDTH];
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
    parameter [255:0] `CONTENTS,
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
    parameter [255:0] `CONTENTS,
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
    parameter [255:0] `CONTENTS,
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
