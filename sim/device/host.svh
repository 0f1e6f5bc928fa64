// A device behind a host and a memory. The host plays commands from a file, lines of three hexadecimal numbers
// (operation, address, data), on the device's AXI4-Lite port, one after another:
//
//   1  writes a register          2  reads one; answer "r <data>"
//   3  waits for the interrupt, for at most so many cycles; answer "i <cycles>", or "h" if it didn't come
//   4  waits so many cycles       5  resets the device for so many cycles
//   6  reads a register until it has none of the bits of data; answer "r <data>"
//
// Answers go to a file; a response that isn't OKAY adds a line "x <response>" before. Included once, with DUT (the
// device) defined, behind dram.svh and the bus's checker; files are +commands= and +answers=. When STATUS (at 14)
// says that the device isn't busy, nothing may be under way on the bus.
module tb;
  bit clk = 0;
  always #1 clk = !clk;
  bit rst = 1;

  bit awvalid = 0, wvalid = 0, arvalid = 0;
  bit [11:0] awaddr = 0, araddr = 0;
  bit [31:0] wdata = 0;
  wire awready, wready, bvalid, arready, rvalid, irq;
  wire [1:0] bresp, rresp;
  wire [31:0] rdata;

  wire m_arvalid, m_arready, m_rvalid, m_rready, m_rlast, m_awvalid, m_awready, m_wvalid, m_wready, m_wlast;
  wire m_bvalid, m_bready, m_arid, m_rid, m_awid, m_bid;
  wire [63:0] m_araddr, m_awaddr;
  wire [7:0] m_arlen, m_awlen;
  wire [127:0] m_rdata, m_wdata;
  wire [15:0] m_wstrb;
  wire [1:0] m_rresp, m_bresp, m_arburst, m_awburst;
  wire [2:0] m_arsize, m_awsize, m_arprot, m_awprot;
  wire [3:0] m_arcache, m_awcache, m_arqos, m_awqos;
  wire m_arlock, m_awlock;

  `DUT dut (
      .aclk(clk), .aresetn(!rst), .irq(irq),
      .s_axi_awaddr(awaddr), .s_axi_awprot(3'd0), .s_axi_awvalid(awvalid), .s_axi_awready(awready),
      .s_axi_wdata(wdata), .s_axi_wstrb(4'hf), .s_axi_wvalid(wvalid), .s_axi_wready(wready),
      .s_axi_bresp(bresp), .s_axi_bvalid(bvalid), .s_axi_bready(1'b1),
      .s_axi_araddr(araddr), .s_axi_arprot(3'd0), .s_axi_arvalid(arvalid), .s_axi_arready(arready),
      .s_axi_rdata(rdata), .s_axi_rresp(rresp), .s_axi_rvalid(rvalid), .s_axi_rready(1'b1),
      .m_axi_arid(m_arid), .m_axi_araddr(m_araddr), .m_axi_arlen(m_arlen), .m_axi_arvalid(m_arvalid),
      .m_axi_arready(m_arready), .m_axi_rid(m_rid), .m_axi_rdata(m_rdata), .m_axi_rresp(m_rresp),
      .m_axi_rlast(m_rlast), .m_axi_rvalid(m_rvalid), .m_axi_rready(m_rready),
      .m_axi_awid(m_awid), .m_axi_awaddr(m_awaddr), .m_axi_awlen(m_awlen), .m_axi_awvalid(m_awvalid),
      .m_axi_awready(m_awready), .m_axi_wdata(m_wdata), .m_axi_wstrb(m_wstrb), .m_axi_wlast(m_wlast),
      .m_axi_wvalid(m_wvalid), .m_axi_wready(m_wready), .m_axi_bid(m_bid), .m_axi_bresp(m_bresp),
      .m_axi_bvalid(m_bvalid), .m_axi_bready(m_bready),
      .m_axi_arsize(m_arsize), .m_axi_arburst(m_arburst), .m_axi_arlock(m_arlock), .m_axi_arcache(m_arcache),
      .m_axi_arprot(m_arprot), .m_axi_arqos(m_arqos),
      .m_axi_awsize(m_awsize), .m_axi_awburst(m_awburst), .m_axi_awlock(m_awlock), .m_axi_awcache(m_awcache),
      .m_axi_awprot(m_awprot), .m_axi_awqos(m_awqos)
  );

  bus_axi_checker checker_of_bus (
      .clk(clk), .rst(rst),
      .m_axi_arid(m_arid), .m_axi_araddr(m_araddr), .m_axi_arlen(m_arlen), .m_axi_arsize(m_arsize),
      .m_axi_arburst(m_arburst), .m_axi_arlock(m_arlock), .m_axi_arcache(m_arcache), .m_axi_arprot(m_arprot),
      .m_axi_arqos(m_arqos), .m_axi_arvalid(m_arvalid), .m_axi_arready(m_arready),
      .m_axi_rid(m_rid), .m_axi_rdata(m_rdata), .m_axi_rresp(m_rresp), .m_axi_rlast(m_rlast),
      .m_axi_rvalid(m_rvalid), .m_axi_rready(m_rready),
      .m_axi_awid(m_awid), .m_axi_awaddr(m_awaddr), .m_axi_awlen(m_awlen), .m_axi_awsize(m_awsize),
      .m_axi_awburst(m_awburst), .m_axi_awlock(m_awlock), .m_axi_awcache(m_awcache), .m_axi_awprot(m_awprot),
      .m_axi_awqos(m_awqos), .m_axi_awvalid(m_awvalid), .m_axi_awready(m_awready),
      .m_axi_wdata(m_wdata), .m_axi_wstrb(m_wstrb), .m_axi_wlast(m_wlast),
      .m_axi_wvalid(m_wvalid), .m_axi_wready(m_wready),
      .m_axi_bid(m_bid), .m_axi_bresp(m_bresp), .m_axi_bvalid(m_bvalid), .m_axi_bready(m_bready)
  );

  axi_dram dram (
      .clk(clk), .rst(rst),
      .arvalid(m_arvalid), .arready(m_arready), .arid(m_arid), .araddr(m_araddr), .arlen(m_arlen),
      .rvalid(m_rvalid), .rready(m_rready), .rid(m_rid), .rdata(m_rdata), .rresp(m_rresp), .rlast(m_rlast),
      .awvalid(m_awvalid), .awready(m_awready), .awid(m_awid), .awaddr(m_awaddr), .awlen(m_awlen),
      .wvalid(m_wvalid), .wready(m_wready), .wdata(m_wdata), .wstrb(m_wstrb), .wlast(m_wlast),
      .bvalid(m_bvalid), .bready(m_bready), .bid(m_bid), .bresp(m_bresp)
  );

  string command_file, answer_file;
  int commands, answers, got, left, passed;
  bit [31:0] operation, address, data;
  wire offers = m_arvalid | m_awvalid | m_wvalid;

  typedef enum {NEXT, WRITING, READING, WAITING, IDLE, ENDING} state_t;
  state_t state = IDLE;

  initial begin
    if (!$value$plusargs("commands=%s", command_file)) $fatal(1, "no +commands=");
    if (!$value$plusargs("answers=%s", answer_file)) $fatal(1, "no +answers=");
    commands = $fopen(command_file, "r");
    answers = $fopen(answer_file, "w");
    if (commands == 0 || answers == 0) $fatal(1, "can't open the host's files");
    $assertoff;
    left = 4;
  end

  always @(posedge clk) begin
    if (awvalid && awready) awvalid <= 0;
    if (wvalid && wready) wvalid <= 0;
    if (arvalid && arready) arvalid <= 0;
    case (state)
      IDLE: begin
        left <= left - 1;
        if (left <= 0) begin
          if (rst) $asserton;
          rst <= 0;
          state <= NEXT;
        end
      end
      WRITING: if (bvalid) begin
        if (bresp != 0) $fwrite(answers, "x %0d\n", bresp);
        state <= NEXT;
      end
      READING: if (rvalid) begin
        if (rresp != 0) $fwrite(answers, "x %0d\n", rresp);
        if (araddr == 12'h014 && !rdata[0] && (offers || dram.under_way()))
          $fatal(1, "the device isn't busy, but its bus is");
        if (operation == 6 && (rdata & data) != 0) arvalid <= 1;
        else begin
          $fwrite(answers, "r %08x\n", rdata);
          state <= NEXT;
        end
      end
      WAITING: begin
        passed <= passed + 1;
        if (irq) begin
          $fwrite(answers, "i %0d\n", passed);
          state <= NEXT;
        end else if (passed >= left) begin
          $fwrite(answers, "h\n");
          state <= NEXT;
        end
      end
      ENDING: begin
        left <= left - 1;
        if (left <= 0) begin
          $fclose(answers);
          $finish;
        end
      end
      default: begin
        got = $fscanf(commands, "%h %h %h\n", operation, address, data);
        if (got != 3) begin
          left <= 4;
          state <= ENDING;
        end else
          case (operation)
            1: begin
              awaddr <= address[11:0];
              wdata <= data;
              awvalid <= 1;
              wvalid <= 1;
              state <= WRITING;
            end
            2, 6: begin
              araddr <= address[11:0];
              arvalid <= 1;
              state <= READING;
            end
            3: begin
              passed <= 0;
              left <= data;
              state <= WAITING;
            end
            5: begin
              rst <= 1;
              left <= data;
              state <= IDLE;
            end
            default: begin
              left <= data;
              state <= IDLE;
            end
          endcase
      end
    endcase
  end
endmodule
