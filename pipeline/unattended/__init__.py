"""The kitchen without a person: cron, watch, heartbeats, alerts.

Belongs here: what is done when nobody looks, and how somebody is told. What a day is made of is `tasks/`.
"""
