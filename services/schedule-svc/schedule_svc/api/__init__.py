"""The HTTP API: what anybody may browse, and what staff may do."""

from schedule_svc.api.browse import blp as browse
from schedule_svc.api.staff import blp as staff

BLUEPRINTS = (browse, staff)
