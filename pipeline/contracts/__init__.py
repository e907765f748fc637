"""Governance documents as checked values: schemas, flags, thresholds, outages.

Belongs here: reading and validating what people wrote in `governance/`, and `conform`, which makes a
table be what its schema says. Judging a day by these values is `quality/`.
"""
