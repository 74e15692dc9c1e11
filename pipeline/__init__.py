"""tomdich: summarize Vietnamese news, translate the summaries to English, in resumable, versioned batches."""

DISTRIBUTION = "tomdich"  # tells this package from another one named `pipeline`
__version__ = "0.1.0"
