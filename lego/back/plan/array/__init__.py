"""What every FU of the array is asked for, where its operands come from, and the intervals of sums."""
