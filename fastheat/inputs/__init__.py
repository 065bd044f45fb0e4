"""Anything that has frames, as chunks of float64 and what goes with them."""
