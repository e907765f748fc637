"""Central Data Kitchen: the tasks that `luigi --module pipeline` finds, and nothing else.

The rooms of the package are imported by their own names. The tasks are loaded when the `luigi` program
imports this module; a library user who imports `pipeline.reader` does not pay for Luigi.
"""

import sys

if "luigi.cmdline" in sys.modules:
    from pipeline.runs import backfill as backfill  # registers its task with Luigi
    from pipeline.tasks import program as program

    program.prepare()
