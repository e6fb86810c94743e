"""Contracts only: columns, Arrow tables, the recipe's models, manifests, errors."""
