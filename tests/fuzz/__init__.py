"""A mutational fuzzer over everything that reads a file: see `python -m tests.fuzz --help`."""
