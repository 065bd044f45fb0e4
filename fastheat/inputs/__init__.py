"""Anything that has frames, as chunks of float64 and what goes with them.

- `sources/`: where matrices come from.
- `frames/`: frames in their order.
"""
