"""Tables that people keep themselves: CSV and Parquet under any names, inferred and said."""
