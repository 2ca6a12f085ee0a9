"""A day of calls through the real matcher on a clock that jumps from event to event."""
