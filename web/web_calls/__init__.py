"""Citizens' calls from a browser to 12345 (网页通话): a permit, one call, and the narrow way of it to Asterisk."""
