"""`python -m haoyuan_draw`."""

import sys

from haoyuan_draw.cli import main

sys.exit(main())
