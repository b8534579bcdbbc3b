"""Two small languages that people type: formulas over columns, and what is valid in a column."""
