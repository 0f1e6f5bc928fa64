// A memory behind an AXI4 slave port, with latency, bandwidth, stalls and errors by plusargs (+dram_...):
//
//   base=HEX       address of its first byte, 16-byte aligned; default 0
//   bytes=N        its size; default 1 MiB. What lies outside is answered by DECERR
//   load=FILE      its contents from the first byte on; the rest is 0
//   dump=FILE      its contents when the simulation ends, or a part of them: from byte dump_from=N on, counted
//                  from the first one, dump_bytes=N
//   report=FILE    how many beats were read and written, when the simulation ends
//   latency=N      cycles from the handshake of AR to the first beat at the earliest, from 1; default 1
//   answer=N       cycles from the last beat of a write to its answer at the earliest, from 1; default 1
//   rate=N         beats per 16 cycles, each way; default 16
//   shared=1       reads and writes share that rate
//   stall=N        of 256 cycles, so many in which a channel pauses, for each of the five; default 0
//   stall_ar=N...  the same of one channel: ar, r, aw, w, b
//   seed=N         of stalls and orders
//   mixed=1        beats of reads with different IDs in any order; else in the order of AR
//   order=N        of the write channels: 1 no beat is taken before its address, 2 no address before its beat
//   depth=N        reads and writes that it holds at a time; default 64
//   read_error=N   the Nth beat that is read, from 1, has an error; write_error=N: the burst of the Nth written
//   resp=N         the error: 2 SLVERR (default), 3 DECERR
//
// All outputs are registers; each channel can move a beat per cycle. A beat with an error isn't written.
module axi_dram #(
    parameter ID_BITS = 1,
    parameter ADDRESS_BITS = 64,
    parameter BUS_BITS = 128
) (
    input bit clk,
    input bit rst,
    input bit arvalid,
    output bit arready,
    input bit [ID_BITS-1:0] arid,
    input bit [ADDRESS_BITS-1:0] araddr,
    input bit [7:0] arlen,
    output bit rvalid,
    input bit rready,
    output bit [ID_BITS-1:0] rid,
    output bit [BUS_BITS-1:0] rdata,
    output bit [1:0] rresp,
    output bit rlast,
    input bit awvalid,
    output bit awready,
    input bit [ID_BITS-1:0] awid,
    input bit [ADDRESS_BITS-1:0] awaddr,
    input bit [7:0] awlen,
    input bit wvalid,
    output bit wready,
    input bit [BUS_BITS-1:0] wdata,
    input bit [BUS_BITS/8-1:0] wstrb,
    input bit wlast,
    output bit bvalid,
    input bit bready,
    output bit [ID_BITS-1:0] bid,
    output bit [1:0] bresp
);
  localparam BYTES = BUS_BITS / 8;
  localparam AR = 0, R = 1, AW = 2, W = 3, B = 4;

  typedef struct packed {
    bit [ID_BITS-1:0] id;
    bit [63:0] address;
    bit [8:0] beats;  // that are left
    bit [63:0] due;   // cycle in which the first may be decided on
  } burst_t;
  typedef struct packed {
    bit [BUS_BITS-1:0] data;
    bit [BYTES-1:0] strobe;
  } beat_t;
  typedef struct packed {
    bit [ID_BITS-1:0] id;
    bit [1:0] resp;
    bit [63:0] due;
  } answer_t;

  bit [BUS_BITS-1:0] memory[];
  burst_t reads[$], writes[$];
  beat_t beats[$];
  answer_t answers[$];

  bit [63:0] base, bytes, words, now, read_beats, write_beats, read_error, write_error;
  int latency, answer, rate, seed, depth, order, resp, tokens[2], owed;
  int stall[5];
  bit shared, mixed, quiet[5];
  bit [63:0] noise;
  string load_file, dump_file, report_file;

  function automatic int option(string name, int otherwise);
    int value;
    return $value$plusargs({name, "=%d"}, value) != 0 ? value : otherwise;
  endfunction

  // Xorshift: the same numbers whatever else draws some.
  function automatic bit [31:0] drawn();
    noise = noise ^ (noise << 13);
    noise = noise ^ (noise >> 7);
    noise = noise ^ (noise << 17);
    return noise[47:16];
  endfunction

  function automatic void load();
    int fd, got;
    bit [BUS_BITS-1:0] word;
    fd = $fopen(load_file, "rb");
    if (fd == 0) $fatal(1, "can't read %s", load_file);
    for (int k = 0; k < words; k++) begin
      word = '0;
      got = $fread(word, fd);
      if (got == 0) break;
      memory[k] = {<<8{word}};
    end
    $fclose(fd);
  endfunction

  initial begin
    string names[5] = '{"ar", "r", "aw", "w", "b"};
    if (!$value$plusargs("dram_base=%h", base)) base = 0;
    if (!$value$plusargs("dram_bytes=%d", bytes)) bytes = 1 << 20;
    if (!$value$plusargs("dram_read_error=%d", read_error)) read_error = 0;
    if (!$value$plusargs("dram_write_error=%d", write_error)) write_error = 0;
    latency = option("dram_latency", 1);
    answer = option("dram_answer", 1);
    rate = option("dram_rate", 16);
    seed = option("dram_seed", 0);
    depth = option("dram_depth", 64);
    order = option("dram_order", 0);
    resp = option("dram_resp", 2);
    shared = option("dram_shared", 0) != 0;
    mixed = option("dram_mixed", 0) != 0;
    for (int k = 0; k < 5; k++)
      stall[k] = option({"dram_stall_", names[k]}, option("dram_stall", 0));
    noise = {32'h9e3779b9, seed} ^ 64'h2545f4914f6cdd1d;
    words = bytes / BYTES;
    memory = new[words];
    if ($value$plusargs("dram_load=%s", load_file)) load();
  end

  final begin
    int fd;
    bit [63:0] from, count;
    if ($value$plusargs("dram_dump=%s", dump_file)) begin
      fd = $fopen(dump_file, "wb");
      if (fd == 0) $fatal(1, "can't write %s", dump_file);
      if (!$value$plusargs("dram_dump_from=%d", from)) from = 0;
      if (!$value$plusargs("dram_dump_bytes=%d", count)) count = bytes - from;
      for (int k = from / BYTES; k < words && k < (from + count) / BYTES; k++) $fwrite(fd, "%u", memory[k]);
      $fclose(fd);
    end
    if ($value$plusargs("dram_report=%s", report_file)) begin
      fd = $fopen(report_file, "w");
      $fwrite(fd, "read_beats %0d\nwrite_beats %0d\n", read_beats, write_beats);
      $fclose(fd);
    end
  end

  function automatic bit covers(bit [63:0] address);
    return address >= base && address - base < bytes;
  endfunction

  // Whether something was asked for that isn't answered.
  function automatic bit under_way();
    return reads.size() + writes.size() + beats.size() + answers.size() > 0 || rvalid || bvalid;
  endfunction

  // The read that gives the next beat: the oldest, or of any ID the oldest; -1 if none may.
  function automatic int chosen();
    int found, count;
    bit [(1<<ID_BITS)-1:0] seen;
    found = -1;
    if (!mixed) return reads.size() > 0 && reads[0].due <= now ? 0 : -1;
    for (int k = 0; k < reads.size(); k++) begin
      if (!seen[reads[k].id] && reads[k].due <= now) begin
        count++;
        if (drawn() % count == 0) found = k;
      end
      seen[reads[k].id] = 1;
    end
    return found;
  endfunction

  function automatic void give(int k);
    bit [63:0] at;
    bit good;
    at = reads[k].address;
    good = covers(at);
    read_beats++;
    rvalid <= 1;
    rid <= reads[k].id;
    rdata <= good ? memory[(at-base)/BYTES] : '0;
    rresp <= !good ? 2'd3 : read_beats == read_error ? resp[1:0] : 2'd0;
    rlast <= reads[k].beats == 1;
    reads[k].address += BYTES;
    reads[k].beats -= 1;
    if (reads[k].beats == 0) reads.delete(k);
  endfunction

  // The oldest beat goes to the oldest write; its last brings an answer.
  function automatic void store();
    beat_t beat;
    bit [63:0] at, word;
    bit [1:0] how;
    bit [BUS_BITS-1:0] mask;
    beat = beats.pop_front();
    at = writes[0].address;
    write_beats++;
    how = !covers(at) ? 2'd3 : write_beats == write_error ? resp[1:0] : 2'd0;
    word = (at - base) / BYTES;
    for (int k = 0; k < BYTES; k++) mask[8*k+:8] = {8{beat.strobe[k]}};
    if (how == 0) memory[word] = (memory[word] & ~mask) | (beat.data & mask);
    else writes[0].due = {62'd0, how};  // of a write it isn't in use otherwise
    writes[0].address += BYTES;
    writes[0].beats -= 1;
    if (writes[0].beats == 0) begin
      answers.push_back('{writes[0].id, writes[0].due[1:0], now + 64'(answer) - 1});
      void'(writes.pop_front());
    end
  endfunction

  always @(posedge clk) begin
    int pick, lane;
    now <= now + 1;
    for (int k = 0; k < 5; k++) quiet[k] = stall[k] != 0 && drawn() % 256 < stall[k];
    lane = shared ? 0 : 1;
    for (int k = 0; k < 2; k++) tokens[k] = tokens[k] + rate > 32 ? 32 : tokens[k] + rate;
    if (rst) begin
      arready <= 0;
      rvalid <= 0;
      awready <= 0;
      wready <= 0;
      bvalid <= 0;
      reads.delete();
      writes.delete();
      beats.delete();
      answers.delete();
      tokens = '{default: 16};
      owed = 0;
    end else begin
      if (arvalid && arready) reads.push_back('{arid, 64'(araddr), 9'(arlen) + 1, now + 64'(latency) - 1});
      if (awvalid && awready) begin
        writes.push_back('{awid, 64'(awaddr), 9'(awlen) + 1, 0});
        owed += 32'(awlen) + 1;
      end
      if (wvalid && wready) begin
        beats.push_back('{wdata, wstrb});
        tokens[lane] -= 16;
        owed -= 1;
      end
      if (beats.size() > 0 && writes.size() > 0) store();
      if (!rvalid || rready) begin
        rvalid <= 0;
        pick = quiet[R] || tokens[0] < 16 ? -1 : chosen();
        if (pick >= 0) begin
          give(pick);
          tokens[0] -= 16;
        end
      end
      if (!bvalid || bready) begin
        bvalid <= 0;
        if (!quiet[B] && answers.size() > 0 && answers[0].due <= now) begin
          bvalid <= 1;
          bid <= answers[0].id;
          bresp <= answers[0].resp;
          void'(answers.pop_front());
        end
      end
      arready <= !quiet[AR] && reads.size() < depth;
      awready <= !quiet[AW] && writes.size() < depth && (order != 2 || beats.size() > 0);
      wready <= !quiet[W] && tokens[lane] >= 16 && beats.size() < 16 && (order != 1 || owed > 0);
    end
  end
endmodule
