"""The functional unit, as primitives."""
