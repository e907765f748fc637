"""Ticks -> footprint and minute statistics."""
