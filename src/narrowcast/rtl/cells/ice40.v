// SPDX-License-Identifier: Apache-2.0
// The cells of the iCE40 as nextpnr packs them, after the iCE40 Technology Library: what a logic cell
// holds, and the primitives of yosys under nextpnr's names. The look-up table stands here because a
// simulation is made faster with it than with yosys' own.

module SB_LUT4(output O, input I0, I1, I2, I3);
    parameter [15:0] LUT_INIT = 0;
    assign O = LUT_INIT[{I3, I2, I1, I0}];
endmodule

// A look-up table, the carry of its inputs I1 and I2, and a flip-flop. Without the clock enable the
// flip-flop keeps its bit also if it is to be set or reset, unless that is asynchronous.
module ICESTORM_LC #(
    parameter [15:0] LUT_INIT = 0,
    parameter CARRY_ENABLE = 0, CIN_CONST = 0, CIN_SET = 0,
    parameter DFF_ENABLE = 0, NEG_CLK = 0, SET_NORESET = 0, ASYNC_SR = 0
) (
    input I0, I1, I2, I3, CIN, CLK, CEN, SR,
    output LO, O, COUT
);

    wire carry = CIN_CONST ? CIN_SET : CIN;
    assign LO = LUT_INIT[{I3, I2, I1, I0}];
    assign COUT = CARRY_ENABLE && (I1 && I2 || (I1 || I2) && carry);

    generate
        if (DFF_ENABLE) begin
            wire clock = CLK ^ NEG_CLK;
            reg kept = 0;
            if (ASYNC_SR) begin
                always @(posedge clock or posedge SR)
                    if (SR)
                        kept <= SET_NORESET;
                    else if (CEN)
                        kept <= LO;
            end else
                always @(posedge clock)
                    if (CEN)
                        kept <= SR ? SET_NORESET : LO;
            assign O = kept;
        end else
            assign O = LO;
    endgenerate

endmodule

module SB_IO #(
    parameter [5:0] PIN_TYPE = 0,
    parameter PULLUP = 0, NEG_TRIGGER = 0, IO_STANDARD = "SB_LVCMOS"
) (
    inout PACKAGE_PIN,
    input D_OUT_0, D_OUT_1, OUTPUT_ENABLE, OUTPUT_CLK, INPUT_CLK, CLOCK_ENABLE, LATCH_INPUT_VALUE,
    output D_IN_0, D_IN_1
);

    initial
        if (PIN_TYPE[1:0] != 1 || PIN_TYPE[5:2] != 0 && PIN_TYPE[5:2] != 6 && PIN_TYPE[5:2] != 10)
            $fatal(1, "SB_IO: registers are not modelled");

    assign D_IN_0 = PACKAGE_PIN;
    generate
        if (PIN_TYPE[5:4] == 1)
            assign PACKAGE_PIN = D_OUT_0;
        else if (PIN_TYPE[5:4] == 2)
            assign PACKAGE_PIN = OUTPUT_ENABLE ? D_OUT_0 : 1'bz;
    endgenerate

endmodule

`define CONTENTS \
    INIT_0 = 0, INIT_1 = 0, INIT_2 = 0, INIT_3 = 0, INIT_4 = 0, INIT_5 = 0, INIT_6 = 0, INIT_7 = 0, \
    INIT_8 = 0, INIT_9 = 0, INIT_A = 0, INIT_B = 0, INIT_C = 0, INIT_D = 0, INIT_E = 0, INIT_F = 0

module ICESTORM_RAM #(
    parameter [255:0] `CONTENTS,
    parameter [1:0] READ_MODE = 0, WRITE_MODE = 0,
    parameter NEG_CLK_R = 0, NEG_CLK_W = 0
) (
    input RCLK, RCLKE, RE, WCLK, WCLKE, WE,
    input [10:0] RADDR, WADDR,
    input [15:0] MASK, WDATA,
    output [15:0] RDATA
);

    SB_RAM40_4K #(
        .READ_MODE(READ_MODE), .WRITE_MODE(WRITE_MODE),
        .INIT_0(INIT_0), .INIT_1(INIT_1), .INIT_2(INIT_2), .INIT_3(INIT_3),
        .INIT_4(INIT_4), .INIT_5(INIT_5), .INIT_6(INIT_6), .INIT_7(INIT_7),
        .INIT_8(INIT_8), .INIT_9(INIT_9), .INIT_A(INIT_A), .INIT_B(INIT_B),
        .INIT_C(INIT_C), .INIT_D(INIT_D), .INIT_E(INIT_E), .INIT_F(INIT_F)
    ) memory (
        .RDATA(RDATA), .RCLK(RCLK ^ NEG_CLK_R), .RCLKE(RCLKE), .RE(RE), .RADDR(RADDR),
        .WCLK(WCLK ^ NEG_CLK_W), .WCLKE(WCLKE), .WE(WE), .WADDR(WADDR), .MASK(MASK), .WDATA(WDATA)
    );

endmodule

// A single-port memory. It may hold the words of a file to begin with, which no real one does.
module ICESTORM_SPRAM #(
    parameter CONTENTS = ""
) (
    input [13:0] ADDRESS,
    input [15:0] DATAIN,
    input MASKWREN_0, MASKWREN_1, MASKWREN_2, MASKWREN_3,
    input WREN, CHIPSELECT, CLOCK, STANDBY, SLEEP, POWEROFF,
    output [15:0] DATAOUT
);

    SB_SPRAM256KA memory (.MASKWREN({MASKWREN_3, MASKWREN_2, MASKWREN_1, MASKWREN_0}), .*);
    initial
        if (CONTENTS != "")
            $readmemh(CONTENTS, memory.mem);

endmodule

module ICESTORM_DSP #(
    parameter [0:0] NEG_TRIGGER = 0, C_REG = 0, A_REG = 0, B_REG = 0, D_REG = 0,
    parameter [0:0] TOP_8x8_MULT_REG = 0, BOT_8x8_MULT_REG = 0,
    parameter [0:0] PIPELINE_16x16_MULT_REG1 = 0, PIPELINE_16x16_MULT_REG2 = 0,
    parameter [1:0] TOPOUTPUT_SELECT = 0, TOPADDSUB_LOWERINPUT = 0, TOPADDSUB_CARRYSELECT = 0,
    parameter [1:0] BOTOUTPUT_SELECT = 0, BOTADDSUB_LOWERINPUT = 0, BOTADDSUB_CARRYSELECT = 0,
    parameter [0:0] TOPADDSUB_UPPERINPUT = 0, BOTADDSUB_UPPERINPUT = 0,
    parameter [0:0] MODE_8x8 = 0, A_SIGNED = 0, B_SIGNED = 0
) (
    input CLK, CE, AHOLD, BHOLD, CHOLD, DHOLD, IRSTTOP, IRSTBOT, ORSTTOP, ORSTBOT,
    input OLOADTOP, OLOADBOT, ADDSUBTOP, ADDSUBBOT, OHOLDTOP, OHOLDBOT, CI, ACCUMCI, SIGNEXTIN,
    input [15:0] A, B, C, D,
    output [31:0] O,
    output CO, ACCUMCO, SIGNEXTOUT
);

    SB_MAC16 #(
        .NEG_TRIGGER(NEG_TRIGGER), .C_REG(C_REG), .A_REG(A_REG), .B_REG(B_REG), .D_REG(D_REG),
        .TOP_8x8_MULT_REG(TOP_8x8_MULT_REG), .BOT_8x8_MULT_REG(BOT_8x8_MULT_REG),
        .PIPELINE_16x16_MULT_REG1(PIPELINE_16x16_MULT_REG1),
        .PIPELINE_16x16_MULT_REG2(PIPELINE_16x16_MULT_REG2),
        .TOPOUTPUT_SELECT(TOPOUTPUT_SELECT), .TOPADDSUB_LOWERINPUT(TOPADDSUB_LOWERINPUT),
        .TOPADDSUB_UPPERINPUT(TOPADDSUB_UPPERINPUT), .TOPADDSUB_CARRYSELECT(TOPADDSUB_CARRYSELECT),
        .BOTOUTPUT_SELECT(BOTOUTPUT_SELECT), .BOTADDSUB_LOWERINPUT(BOTADDSUB_LOWERINPUT),
        .BOTADDSUB_UPPERINPUT(BOTADDSUB_UPPERINPUT), .BOTADDSUB_CARRYSELECT(BOTADDSUB_CARRYSELECT),
        .MODE_8x8(MODE_8x8), .A_SIGNED(A_SIGNED), .B_SIGNED(B_SIGNED)
    ) block (.*);

endmodule
