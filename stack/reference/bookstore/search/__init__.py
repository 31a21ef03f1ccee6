"""Search and similar books, through the engine."""
