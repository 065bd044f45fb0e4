"""A mutational fuzzer of everything that reads a file: see `python -m tests.fuzz --help`."""
