"""What a person sets: where things lie, which symbols there are, how the kitchen is run and fetches.

Belongs here: documents of settings, checked and frozen. Thresholds are governance (`contracts/`).
"""
