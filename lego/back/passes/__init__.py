"""Passes from graph to graph; a file has its pass's name, and long invariants are in `checks`."""
