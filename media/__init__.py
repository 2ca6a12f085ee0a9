"""Sound: the prompt catalogue, speech, digits from parts, files for Asterisk."""
