"""How data nodes meet the banks of memories, and where results add to what memory holds."""
