"""A second, tiny site for the multi-app topology."""
