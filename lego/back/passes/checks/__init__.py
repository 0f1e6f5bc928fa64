"""Invariants of passes, where they are long: `NAME_check` is that of the pass NAME."""
