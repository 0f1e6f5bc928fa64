"""Control: the sequencer, address generators, and delay lines with taps."""
