"""Fetching klines and trades from the exchange: archives, the API, or the user's own program.

A file appears among the raw files whole and checked, or not at all. Nothing here is imported by a run
that does not fetch.
"""
