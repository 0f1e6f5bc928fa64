"""Benches of the whole device: the memory that it reads and writes, and what drives it."""
