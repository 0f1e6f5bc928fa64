// A plain output-stationary systolic array, written by hand for comparison: int8 operands enter at the
// left and at the top and travel one step per cycle; each element accumulates one result.
// `first` comes per diagonal: it is high with the first product of a sum.

module os_pe #(parameter SUM = 32) (
    input clk,
    input signed [7:0] a_in,
    input signed [7:0] b_in,
    input first,
    output reg signed [7:0] a_out,
    output reg signed [7:0] b_out,
    output reg signed [SUM-1:0] sum
);
  reg signed [15:0] product;
  always @(posedge clk) begin
    a_out <= a_in;
    b_out <= b_in;
    product <= a_in * b_in;
    sum <= first ? product : sum + product;
  end
endmodule

module output_stationary #(parameter N = 16, parameter SUM = 32) (
    input clk,
    input [8*N-1:0] a,
    input [8*N-1:0] b,
    input [2*N-2:0] first,
    output [SUM*N*N-1:0] sums
);
  wire [8*N*N-1:0] across;
  wire [8*N*N-1:0] down;
  genvar i, j;
  generate
    for (i = 0; i < N; i = i + 1) begin : rows
      for (j = 0; j < N; j = j + 1) begin : columns
        os_pe pe (
            .clk(clk),
            .a_in(j == 0 ? a[8*i +: 8] : across[8*(i*N+j-(j > 0)) +: 8]),
            .b_in(i == 0 ? b[8*j +: 8] : down[8*((i-(i > 0))*N+j) +: 8]),
            .first(first[i+j]),
            .a_out(across[8*(i*N+j) +: 8]),
            .b_out(down[8*(i*N+j) +: 8]),
            .sum(sums[SUM*(i*N+j) +: SUM])
        );
      end
    end
  endgenerate
endmodule
