"""Browser phones (网页话机): what their page is told, and the way from it to Asterisk."""
