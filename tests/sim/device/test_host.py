"""The bench of a device listens to its bus: what breaks the rules there ends the simulation."""

from __future__ import annotations

from collections.abc import Sequence

import pytest

from lego.diag import LegoError
from sim.device.dram import Dram
from sim.device.rtl import Host, Placed, RtlDevice

DEVICE = """
module idle_device(
    input aclk, input aresetn, output irq,
    input [11:0] s_axi_awaddr, input [2:0] s_axi_awprot, input s_axi_awvalid, output s_axi_awready,
    input [31:0] s_axi_wdata, input [3:0] s_axi_wstrb, input s_axi_wvalid, output s_axi_wready,
    output [1:0] s_axi_bresp, output reg s_axi_bvalid, input s_axi_bready,
    input [11:0] s_axi_araddr, input [2:0] s_axi_arprot, input s_axi_arvalid, output s_axi_arready,
    output reg [31:0] s_axi_rdata, output [1:0] s_axi_rresp, output reg s_axi_rvalid, input s_axi_rready,
    output m_axi_arid, output [63:0] m_axi_araddr, output [7:0] m_axi_arlen, output [2:0] m_axi_arsize,
    output [1:0] m_axi_arburst, output m_axi_arlock, output [3:0] m_axi_arcache, output [2:0] m_axi_arprot,
    output [3:0] m_axi_arqos, output reg m_axi_arvalid, input m_axi_arready,
    input m_axi_rid, input [127:0] m_axi_rdata, input [1:0] m_axi_rresp, input m_axi_rlast,
    input m_axi_rvalid, output m_axi_rready,
    output m_axi_awid, output [63:0] m_axi_awaddr, output [7:0] m_axi_awlen, output [2:0] m_axi_awsize,
    output [1:0] m_axi_awburst, output m_axi_awlock, output [3:0] m_axi_awcache, output [2:0] m_axi_awprot,
    output [3:0] m_axi_awqos, output m_axi_awvalid, input m_axi_awready,
    output [127:0] m_axi_wdata, output [15:0] m_axi_wstrb, output m_axi_wlast, output m_axi_wvalid,
    input m_axi_wready, input m_axi_bid, input [1:0] m_axi_bresp, input m_axi_bvalid, output m_axi_bready
);
  reg [31:0] told;
  reg busy;
  assign irq = 0, s_axi_awready = 1, s_axi_wready = 1, s_axi_arready = 1, s_axi_bresp = 0, s_axi_rresp = 0;
  assign m_axi_arid = 0, m_axi_araddr = 0, m_axi_arlen = 0, m_axi_arsize = 4, m_axi_arburst = 1;
  assign m_axi_arlock = 0, m_axi_arcache = 3, m_axi_arprot = 0, m_axi_arqos = 0, m_axi_rready = 1;
  assign m_axi_awvalid = 0, m_axi_wvalid = 0, m_axi_bready = 1;
  always @(posedge aclk) begin
    s_axi_bvalid <= s_axi_wvalid;
    s_axi_rvalid <= s_axi_arvalid;
    s_axi_rdata <= busy;
    if (m_axi_arready || told == 2) m_axi_arvalid <= 0;
    if (m_axi_rvalid) busy <= 0;
    if (s_axi_wvalid) begin
      told <= s_axi_wdata;
      m_axi_arvalid <= 1;
      busy <= s_axi_wdata == 1;
    end
    if (!aresetn) begin
      m_axi_arvalid <= 0;
      busy <= 0;
    end
  end
endmodule
"""
"""Reads a beat when it is told to: as it should be, without waiting for the memory, or without being busy."""

WELL, DROPPED, IDLE = 1, 2, 3


def answers(told: int, dram: Dram) -> Sequence[str]:
    """A read of that kind is told to begin; the host asks until the device isn't busy."""
    host = Host()
    host.write("CONTROL", told)
    host.until_idle()
    return RtlDevice("idle_device", DEVICE).play(host, Placed(bytes(64), {}, {}), dram=dram)[0]


def test_a_read_that_ends_is_all_right() -> None:
    assert answers(WELL, Dram(latency=50)) == ["r 00000000"]


def test_a_request_that_is_withdrawn_is_noticed() -> None:
    with pytest.raises(LegoError, match="checker_of_bus"):
        answers(DROPPED, Dram(stalls={"ar": 255}))


def test_a_device_that_says_too_early_that_it_is_idle_is_noticed() -> None:
    with pytest.raises(LegoError, match="its bus is"):
        answers(IDLE, Dram(latency=50))
