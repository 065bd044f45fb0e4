"""What fastheat costs, in ratios to other ways to the same picture measured in the same run."""
