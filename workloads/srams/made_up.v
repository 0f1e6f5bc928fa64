// Models of the macros in made_up.yaml. Their enables are active low; DFT and MARGIN are tied.
//
// A word that is read and written in one cycle reads as its complement: no design may use it.

module MU2P_64X8 (
    input wire CLKR,
    input wire CLKW,
    input wire RENB,
    input wire [5:0] AR,
    output reg [7:0] Q,
    input wire WENB,
    input wire CENB,
    input wire [5:0] AW,
    input wire [7:0] D,
    input wire DFT,
    input wire [2:0] MARGIN
);
  reg [7:0] words [0:63];
  wire writes = !WENB && !CENB;
  wire works = !DFT && MARGIN == 3'b010;
  always @(posedge CLKR) if (!RENB) Q <= works && !(writes && AW == AR) ? words[AR] : ~words[AR];
  always @(posedge CLKW) if (writes) words[AW] <= D;
endmodule

module MU2P_128X32 (
    input wire CLKR,
    input wire CLKW,
    input wire RENB,
    input wire [6:0] AR,
    output reg [31:0] Q,
    input wire WENB,
    input wire CENB,
    input wire [6:0] AW,
    input wire [31:0] D,
    input wire DFT,
    input wire [2:0] MARGIN
);
  reg [31:0] words [0:127];
  wire writes = !WENB && !CENB;
  wire works = !DFT && MARGIN == 3'b010;
  always @(posedge CLKR) if (!RENB) Q <= works && !(writes && AW == AR) ? words[AR] : ~words[AR];
  always @(posedge CLKW) if (writes) words[AW] <= D;
endmodule

module MU2P_256X64 (
    input wire CLKR,
    input wire CLKW,
    input wire RENB,
    input wire [7:0] AR,
    output reg [63:0] Q,
    input wire WENB,
    input wire CENB,
    input wire [7:0] AW,
    input wire [63:0] D,
    input wire DFT,
    input wire [2:0] MARGIN
);
  reg [63:0] words [0:255];
  wire writes = !WENB && !CENB;
  wire works = !DFT && MARGIN == 3'b010;
  always @(posedge CLKR) if (!RENB) Q <= works && !(writes && AW == AR) ? words[AR] : ~words[AR];
  always @(posedge CLKW) if (writes) words[AW] <= D;
endmodule

module MU2P_1024X32 (
    input wire CLKR,
    input wire CLKW,
    input wire RENB,
    input wire [9:0] AR,
    output reg [31:0] Q,
    input wire WENB,
    input wire CENB,
    input wire [9:0] AW,
    input wire [31:0] D,
    input wire DFT,
    input wire [2:0] MARGIN
);
  reg [31:0] words [0:1023];
  wire writes = !WENB && !CENB;
  wire works = !DFT && MARGIN == 3'b010;
  always @(posedge CLKR) if (!RENB) Q <= works && !(writes && AW == AR) ? words[AR] : ~words[AR];
  always @(posedge CLKW) if (writes) words[AW] <= D;
endmodule

// A byte is written where its bit of BWENB is low.
module MU2P_128X64M (
    input wire CLKR,
    input wire CLKW,
    input wire RENB,
    input wire [6:0] AR,
    output reg [63:0] Q,
    input wire WENB,
    input wire CENB,
    input wire [7:0] BWENB,
    input wire [6:0] AW,
    input wire [63:0] D,
    input wire DFT,
    input wire [2:0] MARGIN
);
  reg [63:0] words [0:127];
  wire writes = !WENB && !CENB;
  wire works = !DFT && MARGIN == 3'b010;
  integer k;
  always @(posedge CLKR) if (!RENB) Q <= works && !(writes && AW == AR) ? words[AR] : ~words[AR];
  always @(posedge CLKW)
    for (k = 0; k < 8; k = k + 1)
      if (writes && !BWENB[k]) words[AW][8 * k +: 8] <= D[8 * k +: 8];
endmodule
