"""What ATAS exporters write: bars of two exporters, tapes, their habits of writing."""
