"""Each process put together: what it is made of, how it starts, how it stops."""
