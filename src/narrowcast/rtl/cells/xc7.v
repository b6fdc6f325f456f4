// SPDX-License-Identifier: Apache-2.0
// The block memories of the 7 series (UG473), of which yosys has no model, as yosys uses them:
// without output registers, and without the cascade of two RAMB36. Look-up tables and carry chains
// stand here because Verilator and the compiler are faster with them than with yosys' own: the carry
// is no vector that depends on itself.

module LUT1(output O, input I0);
    parameter [1:0] INIT = 0;
    assign O = INIT[I0];
endmodule

module LUT2(output O, input I0, I1);
    parameter [3:0] INIT = 0;
    assign O = INIT[{I1, I0}];
endmodule

module LUT3(output O, input I0, I1, I2);
    parameter [7:0] INIT = 0;
    assign O = INIT[{I2, I1, I0}];
endmodule

module LUT4(output O, input I0, I1, I2, I3);
    parameter [15:0] INIT = 0;
    assign O = INIT[{I3, I2, I1, I0}];
endmodule

module LUT5(output O, input I0, I1, I2, I3, I4);
    parameter [31:0] INIT = 0;
    assign O = INIT[{I4, I3, I2, I1, I0}];
endmodule

module LUT6(output O, input I0, I1, I2, I3, I4, I5);
    parameter [63:0] INIT = 0;
    assign O = INIT[{I5, I4, I3, I2, I1, I0}];
endmodule

module CARRY4(output [3:0] CO, O, input CI, CYINIT, input [3:0] DI, S);
    wire carry_0 = CI | CYINIT;
    wire carry_1 = S[0] ? carry_0 : DI[0];
    wire carry_2 = S[1] ? carry_1 : DI[1];
    wire carry_3 = S[2] ? carry_2 : DI[2];
    wire carry_4 = S[3] ? carry_3 : DI[3];
    assign CO = {carry_4, carry_3, carry_2, carry_1};
    assign O = S ^ {carry_3, carry_2, carry_1, carry_0};
endmodule

// Sixteen words of a block memory at first, as parameters, and one behind the other.
`define WORDS(n) \
    n``0 = 0, n``1 = 0, n``2 = 0, n``3 = 0, n``4 = 0, n``5 = 0, n``6 = 0, n``7 = 0, \
    n``8 = 0, n``9 = 0, n``A = 0, n``B = 0, n``C = 0, n``D = 0, n``E = 0, n``F = 0

`define FROM_THE_HIGHEST(n) \
    n``F, n``E, n``D, n``C, n``B, n``A, n``9, n``8, n``7, n``6, n``5, n``4, n``3, n``2, n``1, n``0

module RAMB18E1 #(
    parameter [255:0]
        `WORDS(INIT_0), `WORDS(INIT_1), `WORDS(INIT_2), `WORDS(INIT_3),
    parameter [255:0]
        INITP_00 = 0, INITP_01 = 0, INITP_02 = 0, INITP_03 = 0, INITP_04 = 0, INITP_05 = 0,
        INITP_06 = 0, INITP_07 = 0,
    parameter INIT_A = 0, INIT_B = 0, SRVAL_A = 0, SRVAL_B = 0,
    parameter DOA_REG = 0, DOB_REG = 0,
    parameter READ_WIDTH_A = 0, READ_WIDTH_B = 0, WRITE_WIDTH_A = 0, WRITE_WIDTH_B = 0,
    parameter WRITE_MODE_A = "WRITE_FIRST", WRITE_MODE_B = "WRITE_FIRST",
    parameter RAM_MODE = "TDP"
) (
    input CLKARDCLK, CLKBWRCLK, ENARDEN, ENBWREN, REGCEAREGCE, REGCEB,
    input RSTRAMARSTRAM, RSTRAMB, RSTREGARSTREG, RSTREGB,
    input [13:0] ADDRARDADDR, ADDRBWRADDR,
    input [15:0] DIADI, DIBDI,
    input [1:0] DIPADIP, DIPBDIP,
    input [1:0] WEA,
    input [3:0] WEBWE,
    output [15:0] DOADO, DOBDO,
    output [1:0] DOPADOP, DOPBDOP
);

    initial
        if (DOA_REG != 0 || DOB_REG != 0)
            $fatal(1, "RAMB18E1: this mode is not modelled");

    localparam WIDEST = 36; // of both ports together

    wire [17:0] in_a = {DIPADIP[1], DIADI[15:8], DIPADIP[0], DIADI[7:0]};
    wire [17:0] in_b = {DIPBDIP[1], DIBDI[15:8], DIPBDIP[0], DIBDI[7:0]};
    wire [35:0] out_a, out_b;

    assign {DOPADOP[1], DOADO[15:8], DOPADOP[0], DOADO[7:0]} = out_a[17:0];
    assign {DOPBDOP[1], DOBDO[15:8], DOPBDOP[0], DOBDO[7:0]} =
        READ_WIDTH_A == WIDEST ? out_a[35:18] : out_b[17:0];

    block_memory #(
        .ADDRESS_BITS(14),
        .BYTES(4),
        .OLD(WRITE_MODE_A == "READ_FIRST" && WRITE_MODE_B == "READ_FIRST"),
        .READ_A(READ_WIDTH_A),
        .READ_B(READ_WIDTH_B),
        .WRITE_A(WRITE_WIDTH_A),
        .WRITE_B(WRITE_WIDTH_B),
        .DATA({
            `FROM_THE_HIGHEST(INIT_3), `FROM_THE_HIGHEST(INIT_2),
            `FROM_THE_HIGHEST(INIT_1), `FROM_THE_HIGHEST(INIT_0)
        }),
        .PARITY({
            INITP_07, INITP_06, INITP_05, INITP_04, INITP_03, INITP_02, INITP_01, INITP_00
        })
    ) memory (
        .clk_a(CLKARDCLK),
        .enable_a(ENARDEN),
        .clear_a(RSTRAMARSTRAM),
        .write_a({2'b0, WEA}),
        .address_a(ADDRARDADDR[13:0]),
        .in_a({18'b0, in_a}),
        .out_a(out_a),
        .clk_b(CLKBWRCLK),
        .enable_b(ENBWREN),
        .clear_b(RSTRAMB),
        .write_b(WEBWE),
        .address_b(ADDRBWRADDR[13:0]),
        .in_b(WRITE_WIDTH_B == WIDEST ? {in_b, in_a} : {18'b0, in_b}),
        .out_b(out_b)
    );

endmodule

module RAMB36E1 #(
    parameter [255:0]
        `WORDS(INIT_0), `WORDS(INIT_1), `WORDS(INIT_2), `WORDS(INIT_3),
        `WORDS(INIT_4), `WORDS(INIT_5), `WORDS(INIT_6), `WORDS(INIT_7),
    parameter [255:0] `WORDS(INITP_0),
    parameter INIT_A = 0, INIT_B = 0, SRVAL_A = 0, SRVAL_B = 0,
    parameter DOA_REG = 0, DOB_REG = 0,
    parameter READ_WIDTH_A = 0, READ_WIDTH_B = 0, WRITE_WIDTH_A = 0, WRITE_WIDTH_B = 0,
    parameter WRITE_MODE_A = "WRITE_FIRST", WRITE_MODE_B = "WRITE_FIRST",
    parameter RAM_EXTENSION_A = "NONE", RAM_EXTENSION_B = "NONE",
    parameter RAM_MODE = "TDP"
) (
    input CLKARDCLK, CLKBWRCLK, ENARDEN, ENBWREN, REGCEAREGCE, REGCEB,
    input RSTRAMARSTRAM, RSTRAMB, RSTREGARSTREG, RSTREGB,
    input [15:0] ADDRARDADDR, ADDRBWRADDR,
    input [31:0] DIADI, DIBDI,
    input [3:0] DIPADIP, DIPBDIP,
    input [3:0] WEA,
    input [7:0] WEBWE,
    output [31:0] DOADO, DOBDO,
    output [3:0] DOPADOP, DOPBDOP
);

    initial
        if (DOA_REG != 0 || DOB_REG != 0
            || RAM_EXTENSION_A != "NONE" || RAM_EXTENSION_B != "NONE")
            $fatal(1, "RAMB36E1: this mode is not modelled");

    localparam WIDEST = 72; // of both ports together

    wire [35:0] in_a = {DIPADIP[3], DIADI[31:24], DIPADIP[2], DIADI[23:16], DIPADIP[1], DIADI[15:8], DIPADIP[0], DIADI[7:0]};
    wire [35:0] in_b = {DIPBDIP[3], DIBDI[31:24], DIPBDIP[2], DIBDI[23:16], DIPBDIP[1], DIBDI[15:8], DIPBDIP[0], DIBDI[7:0]};
    wire [71:0] out_a, out_b;

    assign {DOPADOP[3], DOADO[31:24], DOPADOP[2], DOADO[23:16], DOPADOP[1], DOADO[15:8], DOPADOP[0], DOADO[7:0]} = out_a[35:0];
    assign {DOPBDOP[3], DOBDO[31:24], DOPBDOP[2], DOBDO[23:16], DOPBDOP[1], DOBDO[15:8], DOPBDOP[0], DOBDO[7:0]} =
        READ_WIDTH_A == WIDEST ? out_a[71:36] : out_b[35:0];

    block_memory #(
        .ADDRESS_BITS(15),
        .BYTES(8),
        .OLD(WRITE_MODE_A == "READ_FIRST" && WRITE_MODE_B == "READ_FIRST"),
        .READ_A(READ_WIDTH_A),
        .READ_B(READ_WIDTH_B),
        .WRITE_A(WRITE_WIDTH_A),
        .WRITE_B(WRITE_WIDTH_B),
        .DATA({
            `FROM_THE_HIGHEST(INIT_7), `FROM_THE_HIGHEST(INIT_6),
            `FROM_THE_HIGHEST(INIT_5), `FROM_THE_HIGHEST(INIT_4),
            `FROM_THE_HIGHEST(INIT_3), `FROM_THE_HIGHEST(INIT_2),
            `FROM_THE_HIGHEST(INIT_1), `FROM_THE_HIGHEST(INIT_0)
        }),
        .PARITY({`FROM_THE_HIGHEST(INITP_0)})
    ) memory (
        .clk_a(CLKARDCLK),
        .enable_a(ENARDEN),
        .clear_a(RSTRAMARSTRAM),
        .write_a({4'b0, WEA}),
        .address_a(ADDRARDADDR[14:0]),
        .in_a({36'b0, in_a}),
        .out_a(out_a),
        .clk_b(CLKBWRCLK),
        .enable_b(ENBWREN),
        .clear_b(RSTRAMB),
        .write_b(WEBWE),
        .address_b(ADDRBWRADDR[14:0]),
        .in_b(WRITE_WIDTH_B == WIDEST ? {in_b, in_a} : {36'b0, in_b}),
        .out_b(out_b)
    );

endmodule
