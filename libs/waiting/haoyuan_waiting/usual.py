"""What is usual at clinics, and how much of a past is looked at. Where a past says little, what is usual counts for as much as WEIGHT
visits. Guesses, but for what docs/waiting.md names a source of.
"""

from collections.abc import Mapping
from typing import Literal

from haoyuan_waiting.line import Punctuality

MOST_VISITS = 600
"""Of a department: some days of it, which is enough for shares, and is read in milliseconds."""
OF_DOCTOR, OF_DEPARTMENT = 60, 150
"""Consultations that are learnt from: more would say hardly more, and older ones less."""
WEIGHT = 20.0

USUAL_NO_SHOW = 0.1
USUAL_ABSENT = 0.05
USUAL_RAISED = 0.02
USUAL_EXAMINED = 0.0
"""Many clinics send nobody away, and a line in which nobody is takes a quarter of the time to simulate."""
LEAST_EXAMINED = 0.01
"""A smaller share is none."""
USUAL_SECOND = 0.5
"""How long a second consultation takes, after an examination, of a first one: a guess, there are results to look at."""
USUAL = Punctuality()
USUAL_RATES: Mapping[Literal["walk_in", "priority", "emergency"], float] = {
    "walk_in": 0.5 / 3600,
    "priority": 0.1 / 3600,
    "emergency": 0.05 / 3600,
}
"""Who comes without an appointment, per second of a session."""
USUAL_HOURS = 4.0
"""The rates above count as if they had been seen for so long."""
