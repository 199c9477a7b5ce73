"""WHAT WE REMEMBER: subscribers, consents, suppressions, issues and their deliveries; SQLite or PostgreSQL."""
