"""What is kept on disk: versions, the memo of model calls, the index of what is published, locks and atomic writes."""
