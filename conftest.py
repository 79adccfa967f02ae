"""Puts the root of the tree on the path, for its packages without a project, and loads the fixtures of the real servers."""

import sys
from pathlib import Path

sys.path.insert(0, str(Path(__file__).parent))

pytest_plugins = ["stack.pytest_fixtures"]
