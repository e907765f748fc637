"""Features: an ordered registry of steps, one family a file, from aligned bars and daily figures.

Belongs here: formulas, windows and their grids. What was measured is decided before (`alignment/`),
whether the day is good by `quality/`.
"""
