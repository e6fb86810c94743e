"""Replay: text that stands in for what a model was trained on."""
