"""What ``compare`` is made of: contestants, how they differ, how they are shown; and tries."""
