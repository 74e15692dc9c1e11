"""tomdich: summarize Vietnamese news, translate the summaries to English, in resumable, versioned batches."""

import logging

DISTRIBUTION = "tomdich"  # distinguishes this package from another one named `pipeline`
__version__ = "0.1.0"

logging.getLogger(__name__).addHandler(logging.NullHandler())  # silent, unless the program that uses it listens
