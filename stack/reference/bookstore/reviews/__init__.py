"""Reviews of books by users."""
