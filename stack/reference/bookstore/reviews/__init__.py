"""What readers think of the books."""
