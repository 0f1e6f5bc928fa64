"""SRAMs as parts: a module per shape, which models the RAM or is made of macros."""
