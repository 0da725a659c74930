"""What lies in the folder of a job that makes an own system, beside what every job has.

A module of its own: the processes that only look at a structure start sooner without all models.
"""

#: The structure, whatever it was called.
STRUCTURE = "crystal.cif"
#: The model, when it is made.
MADE = "made"
#: What was understood of the structure, or which zone axes it has.
UNDERSTOOD = "understood.json"
#: Runs of frozen phonons, and what says that the error bars are measured, or cannot be.
RUNS, MEASURED = "runs", "measured.json"
