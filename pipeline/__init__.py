"""tomdich: summarize Vietnamese news, translate the summaries to English, in resumable, versioned batches."""

__version__ = "0.1.0"
