"""What the whole house means by its words: feeds, the names of raw files, what a file may cost.

Belongs here: values and tables of constants that rooms above share. Data steps depend on this room, so
nothing that a person sets, and no reading or writing, is in it. Standard library only.
"""
