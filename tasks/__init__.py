"""The stages, and the Prefect steps that call them."""
