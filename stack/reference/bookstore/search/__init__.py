"""Search and similar books, by the engine."""
