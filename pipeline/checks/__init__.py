"""The inspect stage: each check is a pure function `check(view: View) -> Iterable[Flag]`; none needs a model.

A `View` (`view.py`) is one record with its pairs: the headline and each sentence of the summary, each with its
translation. A flag names the check, the field and the span it is about, and how severe it is.

Nothing is imported here: the checks' patterns take about 0.14 s to compile, and in a run of many records only the
processes that inspect need them.
"""

# Part of the recipe; raised when a change of the rules changes the flags, so every version is published again.
VERSION = 12
