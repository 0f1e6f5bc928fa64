"""A memory: banks, and the switch between banks and data nodes."""
