"""Building graphs of primitives: the builder, widths, the primitives of bodies, and what graphs cost."""
