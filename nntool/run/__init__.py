"""The run directory: its names, writing, hashing, manifest and lock."""
