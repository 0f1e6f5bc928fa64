"""From the architecture of a design to modules of primitives."""
