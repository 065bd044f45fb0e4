"""Limits of a GIF that layouts have to keep to."""

LARGEST_SIDE = 65535  # px, since 16 bits hold a side
