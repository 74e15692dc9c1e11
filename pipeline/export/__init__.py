"""Export a version for other programs: briefs, spreadsheets, and the files they are written to."""
