"""Number formats of networks: a network in float32 becomes one in the accelerator's formats."""
