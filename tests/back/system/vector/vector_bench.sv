// The engine behind a gate that has all its commands: what it writes goes to standard output.
module tb;
  parameter int LANES = 16, RESULTS = 64, COMMANDS = 1, IMAGE = 1;
  reg clk = 0, rst = 1;
  always #1 clk = !clk;

  reg [40:0] commands[0:COMMANDS-1];  // start, register, value
  reg [32*LANES-1:0] results[0:RESULTS-1];
  reg [8*LANES-1:0] image[0:IMAGE-1];
  int next = 0, loaded = 0, quiet = 0;

  wire e_ready, e_done, e_idle, o_ready, a_ren, d_valid;
  wire [15:0] a_address, d_address;
  wire [1:0] d_memory;
  wire [8*LANES-1:0] d_data;
  wire [LANES-1:0] d_mask;
  reg [32*LANES-1:0] a_word, a_data;

  wire loading = loaded < IMAGE;
  wire pending = !rst && !loading && next < COMMANDS;
  wire [40:0] command = commands[pending ? next : 0];
  wire e_start = pending && command[40] && e_ready;
  wire e_write = pending && !command[40];

  vec dut (
      .clk(clk), .rst(rst), .halt(1'b0),
      .e_write(e_write), .e_register(command[39:32]), .e_value(command[31:0]), .e_start(e_start),
      .e_ready(e_ready), .e_done(e_done), .e_idle(e_idle),
      .o_wen(!rst && loading), .o_address(loaded[15:0]), .o_data(image[loading ? loaded : 0]),
      .o_mask({LANES{1'b1}}), .o_ready(o_ready),
      .a_ren(a_ren), .a_address(a_address), .a_data(a_data),
      .d_valid(d_valid), .d_memory(d_memory), .d_address(d_address), .d_data(d_data), .d_mask(d_mask)
  );

  initial begin
    $readmemh("commands.hex", commands);
    $readmemh("results.hex", results);
    $readmemh("image.hex", image);
    #5 rst = 0;
  end

  always @(posedge clk) begin
    if (a_ren) a_word <= results[a_address%RESULTS];
    a_data <= a_word;
    if (!rst) begin
      if (loading && o_ready) loaded <= loaded + 1;
      if (e_write || e_start) next <= next + 1;
      if (d_valid) $display("W %h %h %h %h", d_memory, d_address, d_data, d_mask);
      if (e_done) $display("D");
      quiet <= e_idle && !loading && next == COMMANDS ? quiet + 1 : 0;
      if (quiet > 2) $finish;
    end
  end
endmodule
