"""Programs of devices: operations as commands for engines, and data in DRAM."""
