"""What ``compare`` is made of: runs as contestants, how they differ, how they are shown."""
