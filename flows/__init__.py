"""Order, fan-out and parameters: one flow a file."""
