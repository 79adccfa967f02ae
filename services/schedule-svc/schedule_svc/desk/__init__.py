"""Who gets which number.

desk    decides a run of orders in memory
people  what it knows of those who ask
sale    which segments can be had, and for whom numbers are set aside
answers what it tells them
"""

from schedule_svc.desk.desk import Desk, OtherSession, Rest
from schedule_svc.desk.people import Person

__all__ = ["Desk", "OtherSession", "Person", "Rest"]
