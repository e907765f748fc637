"""Vendor bars -> found offsets, one row a minute, and the day's grid of 1440 minutes."""
