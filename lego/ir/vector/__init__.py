"""What the vector engine computes: chains of slots, read from operations, and the slots of a chip."""
