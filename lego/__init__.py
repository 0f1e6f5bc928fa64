"""LEGO: from affine tensor loop nests to spatial accelerators in Verilog."""

__version__ = "0.1.0"
