"""Login, logout and the reader's page."""
