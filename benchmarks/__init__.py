"""The cost of fastheat relative to other ways to draw the same image, measured in one run."""
