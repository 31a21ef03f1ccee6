"""The bookstore project: settings, root URLs, and what all apps share."""
