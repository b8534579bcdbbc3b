"""nntool: a CSV in, predictions out, with a neural network, from the command line."""

__version__ = "0.1.0"
