"""Models of engines without hardware: what they read and write, from the values of registers."""
