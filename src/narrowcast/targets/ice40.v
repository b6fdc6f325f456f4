// SPDX-License-Identifier: Apache-2.0
// Block memories of the iCE40, with the contents that yosys' memory_libmap gives them. yosys' own
// map of the same cell computes the contents bit by bit, which takes most of the time of a
// synthesis; this one exchanges bits of all words at once.
//
// A word of w bits has the same bits of an SB_RAM40_4K as the words of 16 bits have. Bit k is at
// reversed(k) + offset, where reversed() turns the order of the four bits of a number around, and
// the offset is 0, 0, 1, 3 for w = 16, 8, 4, 2: so the lowest address bits of narrow words choose
// among neighbours.
`define PLACE(k, w) \
    (((k) & 1) * 8 + ((k) & 2) * 2 + ((k) & 4) / 2 + ((k) & 8) / 8 + ((w) == 4 ? 1 : (w) == 2 ? 3 : 0))

module \$__ICE40_RAM4K_ (
    input PORT_R_CLK, PORT_R_RD_EN,
    input [10:0] PORT_R_ADDR,
    output [PORT_R_WIDTH-1:0] PORT_R_RD_DATA,
    input PORT_W_CLK, PORT_W_WR_EN,
    input [15:0] PORT_W_WR_BE,
    input [10:0] PORT_W_ADDR,
    input [PORT_W_WIDTH-1:0] PORT_W_WR_DATA
);
    parameter [4095:0] INIT = 0;
    parameter OPTION_HAS_BE = 1;
    parameter PORT_R_WIDTH = 16;
    parameter PORT_W_WIDTH = 16;
    parameter PORT_W_WR_BE_WIDTH = 16;
    parameter PORT_R_CLK_POL = 1;
    parameter PORT_W_CLK_POL = 1;

    wire _TECHMAP_FAIL_ = !(PORT_R_CLK_POL && PORT_W_CLK_POL);  // left to yosys' map

    // the contents with bits 0 and 3, then bits 1 and 2 of each bit's number exchanged
    localparam [4095:0] OUTER =
        (INIT & {256{16'haa55}}) | (INIT & {256{16'h00aa}}) << 7 | (INIT & {256{16'h5500}}) >> 7;
    localparam [4095:0] BOTH =
        (OUTER & {256{16'hc3c3}}) | (OUTER & {256{16'h0c0c}}) << 2 | (OUTER & {256{16'h3030}}) >> 2;

    wire [15:0] RDATA, WDATA, MASK;
    genvar k;
    generate
        for (k = 0; k < PORT_R_WIDTH; k = k + 1)
            assign PORT_R_RD_DATA[k] = RDATA[`PLACE(k, PORT_R_WIDTH)];
        for (k = 0; k < PORT_W_WIDTH; k = k + 1) begin
            assign WDATA[`PLACE(k, PORT_W_WIDTH)] = PORT_W_WR_DATA[k];
            if (PORT_W_WIDTH == 16)
                assign MASK[`PLACE(k, 16)] = ~PORT_W_WR_BE[k];
        end
    endgenerate

    SB_RAM40_4K #(
        .READ_MODE($clog2(16 / PORT_R_WIDTH)),
        .WRITE_MODE($clog2(16 / PORT_W_WIDTH)),
        .INIT_0(BOTH[255:0]),
        .INIT_1(BOTH[511:256]),
        .INIT_2(BOTH[767:512]),
        .INIT_3(BOTH[1023:768]),
        .INIT_4(BOTH[1279:1024]),
        .INIT_5(BOTH[1535:1280]),
        .INIT_6(BOTH[1791:1536]),
        .INIT_7(BOTH[2047:1792]),
        .INIT_8(BOTH[2303:2048]),
        .INIT_9(BOTH[2559:2304]),
        .INIT_A(BOTH[2815:2560]),
        .INIT_B(BOTH[3071:2816]),
        .INIT_C(BOTH[3327:3072]),
        .INIT_D(BOTH[3583:3328]),
        .INIT_E(BOTH[3839:3584]),
        .INIT_F(BOTH[4095:3840])
    ) _TECHMAP_REPLACE_ (
        .RCLK(PORT_R_CLK),
        .RCLKE(PORT_R_RD_EN),
        .RE(1'b1),
        .RADDR({PORT_R_ADDR[0], PORT_R_ADDR[1], PORT_R_ADDR[2], PORT_R_ADDR[10:3]}),
        .RDATA(RDATA),
        .WCLK(PORT_W_CLK),
        .WCLKE(PORT_W_WR_EN),
        .WE(1'b1),
        .WADDR({PORT_W_ADDR[0], PORT_W_ADDR[1], PORT_W_ADDR[2], PORT_W_ADDR[10:3]}),
        .WDATA(WDATA),
        .MASK(MASK)
    );
endmodule
