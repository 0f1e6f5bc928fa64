"""What passes need to know of a graph."""
