"""The line's private servers: PostgreSQL, Redis, the supervisor over all processes, and the database's schema."""
