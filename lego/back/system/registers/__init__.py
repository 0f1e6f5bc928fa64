"""The control registers of a device, behind a port of AXI4-Lite."""
