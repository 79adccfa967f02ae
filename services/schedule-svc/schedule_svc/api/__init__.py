"""The HTTP API: what anybody may browse, and what staff may do."""

from schedule_svc.api.browse import blp as browse
from schedule_svc.api.draws import blp as draws
from schedule_svc.api.rosters import blp as rosters
from schedule_svc.api.rules import blp as rules
from schedule_svc.api.staff import blp as staff
from schedule_svc.api.vouchers import blp as vouchers

BLUEPRINTS = (browse, draws, rosters, rules, staff, vouchers)
