"""One light file for each step: its settings, their defaults, bounds and help."""
