"""CSV files: how they are written (the dialect), cut into records, read and written."""
