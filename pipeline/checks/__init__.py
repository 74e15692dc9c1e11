"""The inspect stage: each check is a pure function over one record that returns flags; none needs a model.

A flag names the check, the field and the span it is about, and how severe it is. What is compared sentence by sentence
goes over `pairs.aligned`: the headline and its translation, then each sentence of the summary and its own.

Nothing is imported here: the checks' patterns take a seventh of a second to compile, and in a run of many records only
the processes that inspect need them.
"""

VERSION = 5  # raised when a change of the rules changes what is flagged: it is in the recipe, so all is published anew
