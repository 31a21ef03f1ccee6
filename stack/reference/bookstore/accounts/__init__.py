"""Login, logout and the profile page."""
