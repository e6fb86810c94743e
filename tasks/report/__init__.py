"""The report page, the data card, and what the terminal shows: all from manifests."""
