"""Tables in, tables out: reading, cleaning, encoding, selecting, splitting and scoring."""
