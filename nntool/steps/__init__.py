"""One file for each command: the function that joins tables, the engine and the run directory."""
