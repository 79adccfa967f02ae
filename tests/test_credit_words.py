"""What notify-svc tells of a mark before user-svc has made it is what user-svc then makes of it. Both are asked here."""

from notify_svc import facts
from user_svc import credit


def test_a_missed_visit_is_told_to_expire_when_its_mark_does():
    assert facts.MARK_STANDS == credit.STANDS
