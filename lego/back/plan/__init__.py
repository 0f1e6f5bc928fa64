"""What follows from the architecture before anything is lowered: banks, registers, kinds of FUs, FIFOs,
intervals of sums.
"""
