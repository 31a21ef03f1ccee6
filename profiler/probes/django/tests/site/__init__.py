"""A very small site that the tests measure."""
