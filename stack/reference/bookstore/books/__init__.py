"""Books, authors, their pages and the API."""
