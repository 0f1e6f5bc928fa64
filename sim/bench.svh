// Free-running bench of one design: plays a command stream into the host port.
//
// A run's address is the number of busy cycles in which the host writes and reads at random: the design
// must take no notice. Included once per design with these macros set: BENCH (module name), DUT (design), AW and DW
// (widths of the host port). Commands are lines of three hexadecimal numbers: operation, address,
// data; a write has its mask above the operation's lowest digit, a run there whether its switching is recorded, a read's data are the number of bits
// wanted (0: all) times 65536, plus the first of them; a command for the queue (where QUEUE is defined) waits until it is ready, and with
// 1 above the operation's lowest digit it is a start. Answers are lines: "r <word>" for a read, "c <cycles>" for a run, "h" for a run that hung,
// "p" once if busy or done ever broke their protocol.
//
// Assertions are off until the first reset, where there are any: in Verilator, and where LEGO_ASSERTIONS is defined.
// Icarus Verilog reads them, but can't turn them off.
`ifdef VERILATOR
`define BENCH_ASSERTS
`elsif LEGO_ASSERTIONS
`ifndef __ICARUS__
`define BENCH_ASSERTS
`endif
`endif
module `BENCH (
    input  wire clk,
    output reg  finished
);
  localparam OP_END = 0, OP_WRITE = 1, OP_READ = 2, OP_RUN = 3, OP_IDLE = 4, OP_RESET = 5;
  localparam OP_CUT = 6, OP_GO = 7, OP_WAIT = 8, OP_PUSH = 9, OP_DONE = 10;
  localparam [31:0] UNUSED = '1;

  reg rst, start, host_en, host_we;
  reg [`AW-1:0] host_addr;
  reg [`DW-1:0] host_wdata;
`ifdef MW
  reg [`MW-1:0] host_mask;
`endif
  wire busy, done, host_rvalid;
`ifdef QUEUE
  wire ready;
  wire [7:0] ended_runs;
`else
  wire ready = 1;
  wire [7:0] ended_runs = 0;
`endif
  wire [`DW-1:0] host_rdata;

  integer commands, answers, got;
  integer wait_left, run_left, run_cycles, reset_after, attacks_left;
  reg running, ending, armed, behind, pushing;
  reg [7:0] op;
  reg [79:0] head;
  reg [31:0] address;
  reg [511:0] data;
  reg [575:0] noise;
  reg [31:0] reads[$];
  reg [31:0] field;
  string folder;

  `DUT dut (
      .clk(clk),
      .rst(rst),
      .start(start),
      .busy(busy),
      .done(done),
`ifdef QUEUE
      .ready(ready),
      .finished(ended_runs),
`endif
      .host_en(host_en),
      .host_we(host_we),
      .host_addr(host_addr),
      .host_wdata(host_wdata),
`ifdef MW
      .host_mask(host_mask),
`endif
      .host_rdata(host_rdata),
      .host_rvalid(host_rvalid)
  );

`ifdef RECORD_ACTIVITY
  import "DPI-C" function void record_activity(input bit on);
  reg recorded;
  initial recorded = 0;
  always @(posedge clk) record_activity(recorded && running && (start || busy));
`endif

  initial begin
    if (!$value$plusargs("folder=%s", folder)) $fatal(1, "no +folder=");
    commands = $fopen({folder, "/", `BENCH_TEXT, ".commands"}, "r");
    answers = $fopen({folder, "/", `BENCH_TEXT, ".answers"}, "w");
    if (commands == 0 || answers == 0) $fatal(1, "can't open the streams");
    rst = 0; start = 0; host_en = 0; host_we = 0; host_addr = 0; host_wdata = 0;
`ifdef BENCH_ASSERTS
    $assertoff;
`endif
    finished = 0; running = 0; ending = 0; armed = 0; behind = 0; pushing = 0;
    wait_left = 0; run_left = 0; run_cycles = 0; reset_after = 0; attacks_left = 0;
  end

  // busy is high from the cycle after start to the end of the run; done from there to the next start. With a
  // queue, more starts may follow.
  reg active, ended, broken;
`ifdef QUEUE
  wire first = 0;
`else
  wire first = start;
`endif
  wire wrong = first || !active ? busy || done != ended : done == busy;
  initial begin
    active = 0; ended = 0; broken = 0;
  end
  always @(posedge clk) begin
    if (rst) begin
      active <= 0;
      ended <= 0;
    end else if (start) active <= 1;
    else if (active && !busy) begin
      active <= 0;
      ended <= 1;
    end
    if (armed && !rst && !finished && wrong && !broken) begin
      broken <= 1;
      $fwrite(answers, "p\n");
    end
  end

  always @(posedge clk) begin
    start <= pushing && !ready && start;
    host_en <= pushing && !ready && host_en;
    host_we <= pushing && !ready && host_we;
    if (host_rvalid && armed) begin  // the bits that the command asked for
      field = reads.size() > 0 ? reads.pop_front() : 0;
      if (field != UNUSED)
        $fwrite(answers, "r %h\n",
                (host_rdata >> field[15:0]) & ~(field[31:16] == 0 ? '0 : {`DW{1'b1}} << field[31:16]));
    end
    if (behind && !running && busy) run_cycles <= run_cycles + 1;
    if (running) begin
      if (busy) run_cycles <= run_cycles + 1;
      run_left <= run_left - 1;
      if (busy && attacks_left > 0) begin
        attacks_left <= attacks_left - 1;
        host_en <= 1;
        noise = {9{$urandom, $urandom}};
        host_we <= noise[0];
        if (!noise[0]) reads.push_back(UNUSED);  // answered, with any word
        host_addr <= noise[1+:`AW];
        host_wdata <= noise[32+:`DW];
      end
      if (reset_after > 0) begin
        reset_after <= reset_after - 1;
        if (reset_after == 1) begin
          rst <= 1;
          wait_left <= 3;
          running <= 0;
        end
      end else if (done && !busy && !start && run_cycles > 0) begin
        $fwrite(answers, "c %0d\n", run_cycles);
        running <= 0;
      end else if (run_left <= 0) begin
        $fwrite(answers, "h\n");
        running <= 0;
      end
    end else if (wait_left > 0) begin
      wait_left <= wait_left - 1;
      if (rst && !armed) begin  // before its first reset the design may say anything
        armed <= 1;
`ifdef BENCH_ASSERTS
        $asserton;
`endif
      end
    end else if (ending) begin
      if (!finished) begin
        $fclose(answers);
        $fclose(commands);
      end
      finished <= 1;
    end else if (!pushing || ready) begin
      rst <= 0;
      pushing <= 0;
      got = $fscanf(commands, "%h %h %h\n", head, address, data);
      op = got == 3 ? {4'd0, head[3:0]} : OP_END;
      case (op)
        OP_WRITE, OP_READ: begin
          host_en <= 1;
          host_we <= op == OP_WRITE;
          host_addr <= address[`AW-1:0];
          host_wdata <= data[`DW-1:0];
`ifdef MW
          host_mask <= head[4+:`MW];
`endif
          if (op == OP_READ) reads.push_back(data[31:0]);
        end
        OP_RUN, OP_CUT: begin
          start <= 1;
          running <= 1;
          run_cycles <= 0;
          attacks_left <= op == OP_RUN ? address : 0;
`ifdef RECORD_ACTIVITY
          recorded <= head[4];
`endif
          run_left <= op == OP_RUN ? data[31:0] : 32'h7fffffff;
          reset_after <= op == OP_CUT ? data[31:0] : 0;
        end
        OP_GO: begin  // the commands that follow run beside the design
          start <= 1;
          behind <= 1;
          run_cycles <= 0;
        end
        OP_WAIT: begin
          running <= 1;
          behind <= 0;
          attacks_left <= 0;
          run_left <= data[31:0];
          reset_after <= 0;
          if (behind && busy) run_cycles <= run_cycles + 1;
        end
        OP_PUSH: begin
          pushing <= 1;
          start <= head[4];
          host_en <= !head[4];
          host_we <= !head[4];
          host_addr <= address[`AW-1:0];
          host_wdata <= data[`DW-1:0];
        end
        OP_DONE: $fwrite(answers, "d %0d\n", ended_runs);
        OP_IDLE: wait_left <= data[31:0];
        OP_RESET: begin
          behind <= 0;
          rst <= 1;
          wait_left <= data[31:0];
        end
        default: begin
          ending <= 1;
          wait_left <= 6;
        end
      endcase
    end
  end
endmodule
`ifdef BENCH_ASSERTS
`undef BENCH_ASSERTS
`endif
