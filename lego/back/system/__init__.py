"""Engines around the array, and what connects them, as modules of primitives."""
