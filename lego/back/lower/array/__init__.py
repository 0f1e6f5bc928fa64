"""The array: FUs, links, FIFOs, and reduction trees."""
