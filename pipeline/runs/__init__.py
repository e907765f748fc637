"""Runs over whole days: backfill, plan, accept, rebuild, import, intraday, two files alone.

Belongs here: work that is more than one step. Commands and their wording are `cli/`.
"""
