"""Thin Luigi: a task is a unit of the declared graph; running it is read, call, write, receipt.

Belongs here: Luigi tasks and parameters, the recipes that hand tables to pure functions, and what the
`luigi` program needs to speak plainly. Does not belong here: any computation on market data.
"""
