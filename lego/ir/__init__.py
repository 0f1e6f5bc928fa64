"""Immutable intermediate representations; imports nothing else of the project but `lego.diag`."""
