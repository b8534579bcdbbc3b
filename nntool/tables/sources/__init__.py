"""Where rows come from: files and databases, each read as batches of text."""
