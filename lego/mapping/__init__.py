"""The user's mapping, or a chosen one, as a dataflow."""
