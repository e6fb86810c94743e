"""Bytes to documents: one reader a format, and what all of them share."""
