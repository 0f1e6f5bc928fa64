// A plain weight-stationary systolic array, written by hand for comparison: int8 weights are loaded in place,
// int8 operands enter at the left and travel one step per cycle, sums travel down.
// `load` comes per diagonal.

module ws_pe #(parameter SUM = 32) (
    input clk,
    input signed [7:0] a_in,
    input signed [7:0] weight_in,
    input load,
    input signed [SUM-1:0] sum_in,
    output reg signed [7:0] a_out,
    output reg signed [SUM-1:0] sum_out
);
  reg signed [7:0] held;
  reg signed [15:0] product;
  wire signed [7:0] weight = load ? weight_in : held;
  always @(posedge clk) begin
    held <= weight;
    a_out <= a_in;
    product <= a_in * weight;
    sum_out <= sum_in + product;
  end
endmodule

module weight_stationary #(parameter N = 16, parameter SUM = 32) (
    input clk,
    input [8*N-1:0] a,
    input [8*N*N-1:0] weights,
    input [2*N-2:0] load,
    output [SUM*N-1:0] sums
);
  wire [8*N*N-1:0] across;
  wire [SUM*N*N-1:0] down;
  assign sums = down[SUM*N*(N-1) +: SUM*N];
  genvar i, j;
  generate
    for (i = 0; i < N; i = i + 1) begin : rows
      for (j = 0; j < N; j = j + 1) begin : columns
        ws_pe pe (
            .clk(clk),
            .a_in(j == 0 ? a[8*i +: 8] : across[8*(i*N+j-(j > 0)) +: 8]),
            .weight_in(weights[8*(i*N+j) +: 8]),
            .load(load[i+j]),
            .sum_in(i == 0 ? {SUM{1'b0}} : down[SUM*((i-(i > 0))*N+j) +: SUM]),
            .a_out(across[8*(i*N+j) +: 8]),
            .sum_out(down[SUM*(i*N+j) +: SUM])
        );
      end
    end
  endgenerate
endmodule
