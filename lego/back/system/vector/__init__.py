"""The vector engine: a chain of slots over memories, from its plan to modules of primitives."""
