"""Graphs of primitives to Verilog."""
