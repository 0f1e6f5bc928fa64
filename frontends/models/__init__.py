"""Networks to compile: a catalogue of names, and what builds them."""
