"""How many cycles a program takes on a device, and what its engines wait for."""
