"""What a command does beside a run: the command line parses, calls one of these and prints."""
