"""Bytes -> lines, JSON objects, fields: what formats of any vendor share."""
