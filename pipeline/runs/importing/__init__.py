"""Sorting a folder of vendor files into `data/raw`: by names, by rows, and where each goes."""
