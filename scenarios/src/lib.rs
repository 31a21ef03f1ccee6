//! What to do to the site: scenario files, read, validated and trusted.
