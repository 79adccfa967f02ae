"""Loads the fixtures of the real servers for every test of the tree."""

pytest_plugins = ["stack.pytest_fixtures"]
