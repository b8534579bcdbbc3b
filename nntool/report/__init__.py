"""Pictures for people: numbers in, the bytes of a file out."""
