"""The parts of an evaluation: rows and their scores, a verdict, groups of rows, importance."""
