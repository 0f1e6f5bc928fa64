"""From an architecture to Verilog; docs/architecture.md says what each room is for."""
