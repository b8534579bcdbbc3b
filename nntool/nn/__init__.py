"""The engine: networks and their training. It knows arrays, nothing else."""
