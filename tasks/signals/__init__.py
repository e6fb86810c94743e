"""Signals: what is measured of each document in the first pass over the text."""
