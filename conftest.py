"""Loads the fixtures of the real servers, and the quick set-up, for every test of the tree."""

pytest_plugins = ["stack.pytest_fixtures", "stack.quick_setup"]
