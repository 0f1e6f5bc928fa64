"""Masters of the memory bus, AXI4, and a checker of its rules."""
