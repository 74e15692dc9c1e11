"""`python -m pipeline`: the command line, where the console script is not on the path."""

from pipeline.cli import main

main()
