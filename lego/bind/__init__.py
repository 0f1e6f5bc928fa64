"""Binding: which operations a dataflow of a chip runs that it wasn't compiled from, and how."""
