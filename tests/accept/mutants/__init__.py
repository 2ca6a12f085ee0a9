"""Lines with a guard taken out: the stories of the items must notice each.

Production code holds no switch for this. Processes of a mutant line find `site/sitecustomize.py` on their path, which
replaces one function before they begin (`guards.py`); a line of the dialplan is changed in the rendered file.
"""
