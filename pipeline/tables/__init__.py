"""Arrow tables and their numbers: Parquet files, parts of a table, exact integers, arrays, memory.

Belongs here: how values lie in memory and on disk. What they mean is for the rooms above.
"""
