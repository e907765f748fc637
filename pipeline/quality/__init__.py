"""Judging a symbol's day: checks -> results -> condition and reasons; and the report that shows why.

Belongs here: what is measured on finished tables, and how a person reads it. Does not belong here:
the thresholds (`governance/CONTROL_kitchen.yaml`), and finding or applying corrections (`alignment/`).
"""
