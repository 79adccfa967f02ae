"""China's workdays: Monday to Friday, but for public holidays, and the weekends that are worked in their place (调休).

From chinesecalendar, which knows the years for which the State Council has published its notice. Beyond them Monday to
Friday are workdays: a deadline may then lie on a holiday, and moves when the library learns of it.
"""

from datetime import date, timedelta

import chinese_calendar


def is_workday(day: date) -> bool:
    """True if people work that day."""
    try:
        return bool(chinese_calendar.is_workday(day))
    except NotImplementedError:
        return day.weekday() < 5


def workdays_before(day: date, count: int) -> date:
    """The `count`-th workday before `day`, which itself is not counted."""
    while count:
        day -= timedelta(days=1)
        count -= is_workday(day)
    return day
