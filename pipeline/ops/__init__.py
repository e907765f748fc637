"""What an operator does with whole days: choosing a day, sample data, one-off alignment.

Belongs here: work that is more than one step and less than a decision on data. Commands and their
wording are `cli/`.
"""
