"""Colours and letters: how values look, whatever frames they come from."""
