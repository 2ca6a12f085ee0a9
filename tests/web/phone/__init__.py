"""Browser phones: what they may say, and their way to a real Asterisk."""
