"""The clinic day over HTTP.

people    who looks, and who acts
show      a visit as the API shows it
arriving  checking in
visits    one visit
queues    the line of a session, its desks
"""

from booking_svc.api.clinic import arriving, queues, visits

__all__ = ["arriving", "queues", "visits"]
