"""Where a published value came from, and where a raw line went.

Belongs here: reading again what the steps left behind. Nothing is computed anew or written.
"""
