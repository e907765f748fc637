"""What people look at: the picture of a day, as a page that works without a server or a network.

Belongs here: published and prepared data -> pages. Does not belong here: judging a day (`quality/`), finding
a row's origin (`provenance/`), serving pages (`dashboard/`).
"""
