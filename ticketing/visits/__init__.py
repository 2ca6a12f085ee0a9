"""回访 and 评价: every dispatched ticket is visited, and closed by what was said or found (TH 19, 20)."""
