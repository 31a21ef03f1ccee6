"""The bookstore project: settings, root URLs, and code that all apps share."""
