"""Number formats of networks."""
