"""Template tags of the book pages."""
