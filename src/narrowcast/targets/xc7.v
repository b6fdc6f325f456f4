// SPDX-License-Identifier: Apache-2.0
// Block memories of AMD's 7 series, with the contents that yosys' memory_libmap gives them. yosys' own
// map of the same cells reads the whole contents anew for each of their bits, which takes half the time
// of a synthesis; this one moves the bits of all words at once. There is none for two RAMB36E1 in a
// cascade, which memory_libmap is not told of.
//
// Words come in groups of nine bits, eight of data and one of parity, which a RAMB18E1 and a RAMB36E1
// keep apart (UG473, "Block RAM Attributes"). A word of less than nine bits has no parity.
`define DATA(w) \
    {w[70:63], w[61:54], w[52:45], w[43:36], w[34:27], w[25:18], w[16:9], w[7:0]}
`define PARITY(w) {w[71], w[62], w[53], w[44], w[35], w[26], w[17], w[8]}

// `value` consists of blocks of 9 * n bits, of which the lowest bits * n are of use and the others 0.
// Joins two neighbouring blocks each, so that the lowest bits * 2n of the new ones are of use.
`define JOINED(value, bits, n) \
    (value & {2048/(n){{9*(n){1'b0}}, {9*(n){1'b1}}}}) \
    | (value & {2048/(n){{9*(n){1'b1}}, {9*(n){1'b0}}}}) >> (9-(bits))*(n)
`define APART \
    localparam [36863:0] data_1 = INIT & {4096{9'h0ff}}; \
    localparam [36863:0] data_2 = `JOINED(data_1, 8, 1); \
    localparam [36863:0] data_4 = `JOINED(data_2, 8, 2); \
    localparam [36863:0] data_8 = `JOINED(data_4, 8, 4); \
    localparam [36863:0] data_16 = `JOINED(data_8, 8, 8); \
    localparam [36863:0] data_32 = `JOINED(data_16, 8, 16); \
    localparam [36863:0] data_64 = `JOINED(data_32, 8, 32); \
    localparam [36863:0] data_128 = `JOINED(data_64, 8, 64); \
    localparam [36863:0] data_256 = `JOINED(data_128, 8, 128); \
    localparam [36863:0] data_512 = `JOINED(data_256, 8, 256); \
    localparam [36863:0] data_1024 = `JOINED(data_512, 8, 512); \
    localparam [36863:0] data_2048 = `JOINED(data_1024, 8, 1024); \
    localparam [36863:0] data_4096 = `JOINED(data_2048, 8, 2048); \
    localparam [36863:0] parity_1 = INIT >> 8 & {4096{9'h001}}; \
    localparam [36863:0] parity_2 = `JOINED(parity_1, 1, 1); \
    localparam [36863:0] parity_4 = `JOINED(parity_2, 1, 2); \
    localparam [36863:0] parity_8 = `JOINED(parity_4, 1, 4); \
    localparam [36863:0] parity_16 = `JOINED(parity_8, 1, 8); \
    localparam [36863:0] parity_32 = `JOINED(parity_16, 1, 16); \
    localparam [36863:0] parity_64 = `JOINED(parity_32, 1, 32); \
    localparam [36863:0] parity_128 = `JOINED(parity_64, 1, 64); \
    localparam [36863:0] parity_256 = `JOINED(parity_128, 1, 128); \
    localparam [36863:0] parity_512 = `JOINED(parity_256, 1, 256); \
    localparam [36863:0] parity_1024 = `JOINED(parity_512, 1, 512); \
    localparam [36863:0] parity_2048 = `JOINED(parity_1024, 1, 1024); \
    localparam [36863:0] parity_4096 = `JOINED(parity_2048, 1, 2048); \
    function [71:0] apart(input [71:0] word, input integer bits); \
        apart = `DATA(word) | (`PARITY(word) << bits / 9 * 8); \
    endfunction

`define CONTENTS_18 \
    .INIT_00(data_4096[0*256+:256]), .INIT_01(data_4096[1*256+:256]), \
    .INIT_02(data_4096[2*256+:256]), .INIT_03(data_4096[3*256+:256]), \
    .INIT_04(data_4096[4*256+:256]), .INIT_05(data_4096[5*256+:256]), \
    .INIT_06(data_4096[6*256+:256]), .INIT_07(data_4096[7*256+:256]), \
    .INIT_08(data_4096[8*256+:256]), .INIT_09(data_4096[9*256+:256]), \
    .INIT_0A(data_4096[10*256+:256]), .INIT_0B(data_4096[11*256+:256]), \
    .INIT_0C(data_4096[12*256+:256]), .INIT_0D(data_4096[13*256+:256]), \
    .INIT_0E(data_4096[14*256+:256]), .INIT_0F(data_4096[15*256+:256]), \
    .INIT_10(data_4096[16*256+:256]), .INIT_11(data_4096[17*256+:256]), \
    .INIT_12(data_4096[18*256+:256]), .INIT_13(data_4096[19*256+:256]), \
    .INIT_14(data_4096[20*256+:256]), .INIT_15(data_4096[21*256+:256]), \
    .INIT_16(data_4096[22*256+:256]), .INIT_17(data_4096[23*256+:256]), \
    .INIT_18(data_4096[24*256+:256]), .INIT_19(data_4096[25*256+:256]), \
    .INIT_1A(data_4096[26*256+:256]), .INIT_1B(data_4096[27*256+:256]), \
    .INIT_1C(data_4096[28*256+:256]), .INIT_1D(data_4096[29*256+:256]), \
    .INIT_1E(data_4096[30*256+:256]), .INIT_1F(data_4096[31*256+:256]), \
    .INIT_20(data_4096[32*256+:256]), .INIT_21(data_4096[33*256+:256]), \
    .INIT_22(data_4096[34*256+:256]), .INIT_23(data_4096[35*256+:256]), \
    .INIT_24(data_4096[36*256+:256]), .INIT_25(data_4096[37*256+:256]), \
    .INIT_26(data_4096[38*256+:256]), .INIT_27(data_4096[39*256+:256]), \
    .INIT_28(data_4096[40*256+:256]), .INIT_29(data_4096[41*256+:256]), \
    .INIT_2A(data_4096[42*256+:256]), .INIT_2B(data_4096[43*256+:256]), \
    .INIT_2C(data_4096[44*256+:256]), .INIT_2D(data_4096[45*256+:256]), \
    .INIT_2E(data_4096[46*256+:256]), .INIT_2F(data_4096[47*256+:256]), \
    .INIT_30(data_4096[48*256+:256]), .INIT_31(data_4096[49*256+:256]), \
    .INIT_32(data_4096[50*256+:256]), .INIT_33(data_4096[51*256+:256]), \
    .INIT_34(data_4096[52*256+:256]), .INIT_35(data_4096[53*256+:256]), \
    .INIT_36(data_4096[54*256+:256]), .INIT_37(data_4096[55*256+:256]), \
    .INIT_38(data_4096[56*256+:256]), .INIT_39(data_4096[57*256+:256]), \
    .INIT_3A(data_4096[58*256+:256]), .INIT_3B(data_4096[59*256+:256]), \
    .INIT_3C(data_4096[60*256+:256]), .INIT_3D(data_4096[61*256+:256]), \
    .INIT_3E(data_4096[62*256+:256]), .INIT_3F(data_4096[63*256+:256]), \
    .INITP_00(parity_4096[0*256+:256]), .INITP_01(parity_4096[1*256+:256]), \
    .INITP_02(parity_4096[2*256+:256]), .INITP_03(parity_4096[3*256+:256]), \
    .INITP_04(parity_4096[4*256+:256]), .INITP_05(parity_4096[5*256+:256]), \
    .INITP_06(parity_4096[6*256+:256]), .INITP_07(parity_4096[7*256+:256]),

`define CONTENTS_36 `CONTENTS_18 \
    .INIT_40(data_4096[64*256+:256]), .INIT_41(data_4096[65*256+:256]), \
    .INIT_42(data_4096[66*256+:256]), .INIT_43(data_4096[67*256+:256]), \
    .INIT_44(data_4096[68*256+:256]), .INIT_45(data_4096[69*256+:256]), \
    .INIT_46(data_4096[70*256+:256]), .INIT_47(data_4096[71*256+:256]), \
    .INIT_48(data_4096[72*256+:256]), .INIT_49(data_4096[73*256+:256]), \
    .INIT_4A(data_4096[74*256+:256]), .INIT_4B(data_4096[75*256+:256]), \
    .INIT_4C(data_4096[76*256+:256]), .INIT_4D(data_4096[77*256+:256]), \
    .INIT_4E(data_4096[78*256+:256]), .INIT_4F(data_4096[79*256+:256]), \
    .INIT_50(data_4096[80*256+:256]), .INIT_51(data_4096[81*256+:256]), \
    .INIT_52(data_4096[82*256+:256]), .INIT_53(data_4096[83*256+:256]), \
    .INIT_54(data_4096[84*256+:256]), .INIT_55(data_4096[85*256+:256]), \
    .INIT_56(data_4096[86*256+:256]), .INIT_57(data_4096[87*256+:256]), \
    .INIT_58(data_4096[88*256+:256]), .INIT_59(data_4096[89*256+:256]), \
    .INIT_5A(data_4096[90*256+:256]), .INIT_5B(data_4096[91*256+:256]), \
    .INIT_5C(data_4096[92*256+:256]), .INIT_5D(data_4096[93*256+:256]), \
    .INIT_5E(data_4096[94*256+:256]), .INIT_5F(data_4096[95*256+:256]), \
    .INIT_60(data_4096[96*256+:256]), .INIT_61(data_4096[97*256+:256]), \
    .INIT_62(data_4096[98*256+:256]), .INIT_63(data_4096[99*256+:256]), \
    .INIT_64(data_4096[100*256+:256]), .INIT_65(data_4096[101*256+:256]), \
    .INIT_66(data_4096[102*256+:256]), .INIT_67(data_4096[103*256+:256]), \
    .INIT_68(data_4096[104*256+:256]), .INIT_69(data_4096[105*256+:256]), \
    .INIT_6A(data_4096[106*256+:256]), .INIT_6B(data_4096[107*256+:256]), \
    .INIT_6C(data_4096[108*256+:256]), .INIT_6D(data_4096[109*256+:256]), \
    .INIT_6E(data_4096[110*256+:256]), .INIT_6F(data_4096[111*256+:256]), \
    .INIT_70(data_4096[112*256+:256]), .INIT_71(data_4096[113*256+:256]), \
    .INIT_72(data_4096[114*256+:256]), .INIT_73(data_4096[115*256+:256]), \
    .INIT_74(data_4096[116*256+:256]), .INIT_75(data_4096[117*256+:256]), \
    .INIT_76(data_4096[118*256+:256]), .INIT_77(data_4096[119*256+:256]), \
    .INIT_78(data_4096[120*256+:256]), .INIT_79(data_4096[121*256+:256]), \
    .INIT_7A(data_4096[122*256+:256]), .INIT_7B(data_4096[123*256+:256]), \
    .INIT_7C(data_4096[124*256+:256]), .INIT_7D(data_4096[125*256+:256]), \
    .INIT_7E(data_4096[126*256+:256]), .INIT_7F(data_4096[127*256+:256]), \
    .INITP_08(parity_4096[8*256+:256]), .INITP_09(parity_4096[9*256+:256]), \
    .INITP_0A(parity_4096[10*256+:256]), .INITP_0B(parity_4096[11*256+:256]), \
    .INITP_0C(parity_4096[12*256+:256]), .INITP_0D(parity_4096[13*256+:256]), \
    .INITP_0E(parity_4096[14*256+:256]), .INITP_0F(parity_4096[15*256+:256]),

// Two ports that read and write.
module \$__XILINX_BLOCKRAM_TDP_ (
    input CLK_C,
    input PORT_A_CLK, PORT_A_CLK_EN, PORT_A_RD_SRST,
    input [15:0] PORT_A_ADDR,
    input [PORT_A_WR_WIDTH-1:0] PORT_A_WR_DATA,
    input [PORT_A_WR_EN_WIDTH-1:0] PORT_A_WR_EN,
    output [PORT_A_RD_WIDTH-1:0] PORT_A_RD_DATA,
    input PORT_B_CLK, PORT_B_CLK_EN, PORT_B_RD_SRST,
    input [15:0] PORT_B_ADDR,
    input [PORT_B_WR_WIDTH-1:0] PORT_B_WR_DATA,
    input [PORT_B_WR_EN_WIDTH-1:0] PORT_B_WR_EN,
    output [PORT_B_RD_WIDTH-1:0] PORT_B_RD_DATA
);
    parameter INIT = 0;
    parameter OPTION_MODE = "FULL";
    parameter OPTION_HAS_RDFIRST = 0;
    parameter PORT_A_RD_WIDTH = 1;
    parameter PORT_A_WR_WIDTH = 1;
    parameter PORT_A_WR_EN_WIDTH = 1;
    parameter PORT_A_RD_USED = 1;
    parameter PORT_A_WR_USED = 1;
    parameter PORT_A_OPTION_WRITE_MODE = "NO_CHANGE";
    parameter PORT_A_RD_INIT_VALUE = 0;
    parameter PORT_A_RD_SRST_VALUE = 0;
    parameter PORT_B_RD_WIDTH = 1;
    parameter PORT_B_WR_WIDTH = 1;
    parameter PORT_B_WR_EN_WIDTH = 1;
    parameter PORT_B_RD_USED = 0;
    parameter PORT_B_WR_USED = 0;
    parameter PORT_B_OPTION_WRITE_MODE = "NO_CHANGE";
    parameter PORT_B_RD_INIT_VALUE = 0;
    parameter PORT_B_RD_SRST_VALUE = 0;

    `APART

    wire [71:0] into_a = PORT_A_WR_DATA, into_b = PORT_B_WR_DATA;
    wire [71:0] from_a, from_b;
    wire [3:0] write_a = {4{PORT_A_WR_EN}}, write_b = {4{PORT_B_WR_EN}};
    wire [63:0] data_a, data_b;
    wire [7:0] parity_a, parity_b;
    assign `DATA(from_a) = data_a;
    assign `PARITY(from_a) = parity_a;
    assign `DATA(from_b) = data_b;
    assign `PARITY(from_b) = parity_b;
    assign PORT_A_RD_DATA = from_a;
    assign PORT_B_RD_DATA = from_b;

`define BOTH_PORTS \
    .WRITE_MODE_A(PORT_A_OPTION_WRITE_MODE), \
    .WRITE_MODE_B(PORT_B_OPTION_WRITE_MODE), \
    .READ_WIDTH_A(PORT_A_RD_USED ? PORT_A_RD_WIDTH : 0), \
    .READ_WIDTH_B(PORT_B_RD_USED ? PORT_B_RD_WIDTH : 0), \
    .WRITE_WIDTH_A(PORT_A_WR_USED ? PORT_A_WR_WIDTH : 0), \
    .WRITE_WIDTH_B(PORT_B_WR_USED ? PORT_B_WR_WIDTH : 0), \
    .DOA_REG(0), \
    .DOB_REG(0), \
    .INIT_A(apart(PORT_A_RD_INIT_VALUE, PORT_A_RD_WIDTH)), \
    .INIT_B(apart(PORT_B_RD_INIT_VALUE, PORT_B_RD_WIDTH)), \
    .SRVAL_A(apart(PORT_A_RD_SRST_VALUE, PORT_A_RD_WIDTH)), \
    .SRVAL_B(apart(PORT_B_RD_SRST_VALUE, PORT_B_RD_WIDTH)), \
    .RAM_MODE("TDP")

`define PINS \
    .CLKARDCLK(PORT_A_CLK), \
    .ENARDEN(PORT_A_CLK_EN), \
    .RSTRAMARSTRAM(PORT_A_RD_SRST), \
    .RSTREGARSTREG(1'b0), \
    .REGCEAREGCE(1'b0), \
    .WEA(write_a), \
    .DIADI(`DATA(into_a)), \
    .DIPADIP(`PARITY(into_a)), \
    .DOADO(data_a), \
    .DOPADOP(parity_a), \
    .CLKBWRCLK(PORT_B_CLK), \
    .ENBWREN(PORT_B_CLK_EN), \
    .RSTRAMB(PORT_B_RD_SRST), \
    .RSTREGB(1'b0), \
    .REGCEB(1'b0), \
    .WEBWE(write_b), \
    .DIBDI(`DATA(into_b)), \
    .DIPBDIP(`PARITY(into_b)), \
    .DOBDO(data_b), \
    .DOPBDOP(parity_b)

    generate
        if (OPTION_MODE == "HALF")
            RAMB18E1 #(`CONTENTS_18 `BOTH_PORTS) _TECHMAP_REPLACE_ (
                `PINS, .ADDRARDADDR(PORT_A_ADDR[13:0]), .ADDRBWRADDR(PORT_B_ADDR[13:0])
            );
        else
            RAMB36E1 #(
                `CONTENTS_36 `BOTH_PORTS, .RAM_EXTENSION_A("NONE"), .RAM_EXTENSION_B("NONE")
            ) _TECHMAP_REPLACE_ (
                `PINS,
                .ADDRARDADDR({1'b1, PORT_A_ADDR[14:0]}),
                .ADDRBWRADDR({1'b1, PORT_B_ADDR[14:0]})
            );
    endgenerate
endmodule

// A port that writes and another one that reads. Words of twice the width of a port take the data pins
// of both.
module \$__XILINX_BLOCKRAM_SDP_ (
    input CLK_C,
    input PORT_W_CLK, PORT_W_CLK_EN,
    input [15:0] PORT_W_ADDR,
    input [PORT_W_WIDTH-1:0] PORT_W_WR_DATA,
    input [PORT_W_WR_EN_WIDTH-1:0] PORT_W_WR_EN,
    input PORT_R_CLK, PORT_R_CLK_EN, PORT_R_RD_SRST,
    input [15:0] PORT_R_ADDR,
    output [PORT_R_WIDTH-1:0] PORT_R_RD_DATA
);
    parameter INIT = 0;
    parameter OPTION_MODE = "FULL";
    parameter OPTION_WRITE_MODE = "READ_FIRST";
    parameter PORT_W_WIDTH = 1;
    parameter PORT_W_WR_EN_WIDTH = 1;
    parameter PORT_W_USED = 1;
    parameter PORT_R_WIDTH = 1;
    parameter PORT_R_USED = 0;
    parameter PORT_R_RD_INIT_VALUE = 0;
    parameter PORT_R_RD_SRST_VALUE = 0;

    `APART

    localparam PORT = OPTION_MODE == "HALF" ? 18 : 36;
    localparam BOTH = PORT_R_WIDTH > PORT;
    localparam LOW = BOTH ? PORT : PORT_R_WIDTH;
    localparam [71:0] INITIAL = PORT_R_RD_INIT_VALUE, RESET = PORT_R_RD_SRST_VALUE;
    localparam [PORT-1:0] INITIAL_LOW = INITIAL, RESET_LOW = RESET;
    localparam [PORT-1:0] INITIAL_HIGH = INITIAL >> PORT, RESET_HIGH = RESET >> PORT;

    wire [71:0] into = PORT_W_WR_DATA;
    wire [71:0] from;
    wire [63:0] data_in = `DATA(into), data_out;
    wire [7:0] parity_in = `PARITY(into), parity_out;
    assign `DATA(from) = data_out;
    assign `PARITY(from) = parity_out;
    assign PORT_R_RD_DATA = from;

`define TO_BOTH(bits, wires) (PORT_W_WIDTH > PORT ? wires[2*(bits)-1:bits] : wires[(bits)-1:0])
`define ONE_WAY \
    .WRITE_MODE_A(OPTION_WRITE_MODE), \
    .WRITE_MODE_B(OPTION_WRITE_MODE), \
    .READ_WIDTH_A(PORT_R_USED ? PORT_R_WIDTH : 0), \
    .READ_WIDTH_B(0), \
    .WRITE_WIDTH_A(0), \
    .WRITE_WIDTH_B(PORT_W_USED ? PORT_W_WIDTH : 0), \
    .DOA_REG(0), \
    .DOB_REG(0), \
    .INIT_A(apart(INITIAL_LOW, LOW)), \
    .INIT_B(BOTH ? apart(INITIAL_HIGH, PORT) : 0), \
    .SRVAL_A(apart(RESET_LOW, LOW)), \
    .SRVAL_B(BOTH ? apart(RESET_HIGH, PORT) : 0), \
    .RAM_MODE("SDP")

`define SDP_PINS(bits, bytes) \
    .CLKARDCLK(PORT_R_CLK), \
    .ENARDEN(PORT_R_CLK_EN), \
    .RSTRAMARSTRAM(PORT_R_RD_SRST), \
    .RSTREGARSTREG(1'b0), \
    .REGCEAREGCE(1'b0), \
    .WEA(0), \
    .CLKBWRCLK(PORT_W_CLK), \
    .ENBWREN(PORT_W_CLK_EN), \
    .RSTRAMB(1'b0), \
    .RSTREGB(1'b0), \
    .REGCEB(1'b0), \
    .WEBWE(PORT_W_WR_EN), \
    .DIADI(data_in[bits-1:0]), \
    .DIPADIP(parity_in[bytes-1:0]), \
    .DIBDI(`TO_BOTH(bits, data_in)), \
    .DIPBDIP(`TO_BOTH(bytes, parity_in)), \
    .DOADO(data_out[bits-1:0]), \
    .DOPADOP(parity_out[bytes-1:0]), \
    .DOBDO(data_out[2*bits-1:bits]), \
    .DOPBDOP(parity_out[2*bytes-1:bytes])

    generate
        if (OPTION_MODE == "HALF")
            RAMB18E1 #(`CONTENTS_18 `ONE_WAY) _TECHMAP_REPLACE_ (
                `SDP_PINS(16, 2), .ADDRARDADDR(PORT_R_ADDR[13:0]), .ADDRBWRADDR(PORT_W_ADDR[13:0])
            );
        else
            RAMB36E1 #(`CONTENTS_36 `ONE_WAY) _TECHMAP_REPLACE_ (
                `SDP_PINS(32, 4),
                .ADDRARDADDR({1'b1, PORT_R_ADDR}),
                .ADDRBWRADDR({1'b1, PORT_W_ADDR})
            );
    endgenerate
endmodule
