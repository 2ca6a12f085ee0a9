"""How tickets belong together: possible duplicates, 并单, 拆单, repeats of a matter."""
