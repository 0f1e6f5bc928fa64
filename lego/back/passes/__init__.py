"""Passes from graph to graph; a file has its pass's name, `NAME_check` its invariants where they are long."""
