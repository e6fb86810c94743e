"""The Prefect tasks: thin. Read, check, call a pure function, write, manifest."""
