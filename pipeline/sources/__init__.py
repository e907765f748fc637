"""Raw vendor file -> clean Arrow table, rejects and a ledger of every line.

Belongs here: what vendors write and how. One format is one adapter file and one line in `registry.py`.
Does not belong here: finding clock offsets, joining feeds, judging a day; rows keep the vendor's stamps.
"""
