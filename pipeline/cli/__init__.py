"""The `kitchen` program. A command gathers facts; `output` says them as text or JSON; `main` is the one
place where an error becomes a sentence and an exit code.
"""
