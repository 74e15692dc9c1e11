"""Plan and run: the stages one after the other over all the records, one model in memory at a time.

The passes exchange records through files in the run's staging folder, so memory is bounded by the window of records in
flight. What makes a rerun cost nothing is the memo alone: there is no other state to resume from.

`chain.run` and `planning.plan` take `options.RunOptions`. This module imports none of them: the command line reads the
options without loading the rest.
"""
