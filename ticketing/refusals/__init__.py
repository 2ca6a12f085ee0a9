"""不予受理 (TH 10): on which ground, on what basis, and that the citizen is told where to go instead."""
