"""Plan and run: the stages one after the other over all the records, one model in memory at a time.

The passes hand over through files in the run's staging folder, so memory is bounded by the window of records in
flight. What makes a rerun cost nothing is the memo alone: there is no other state to resume from.
"""

from pipeline.runner.chain import run
from pipeline.runner.options import Options, Outcome
from pipeline.runner.planning import Plan, plan
from pipeline.runner.preparing import default_cache

__all__ = ["Options", "Outcome", "Plan", "default_cache", "plan", "run"]
