"""Published days in the form of another tool, with a receipt beside them.

One module a tool, and `tools.py`, the table of them. What is exported is chosen once (`chosen.py`), files
come into the folder together or not at all (`folder.py`), and `receipt.py` says what they are of.
"""
