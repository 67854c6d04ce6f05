"""Reads the files that admins write, checks them as a whole, and compiles them to values that the engine uses."""
