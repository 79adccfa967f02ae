"""notify-svc over HTTP. Translates; decides nothing."""

from notify_svc.api.alarms import blp as alarms
from notify_svc.api.deliveries import blp as deliveries
from notify_svc.api.inbox import blp as inbox
from notify_svc.api.preferences import blp as preferences
from notify_svc.api.receipts import blp as receipts
from notify_svc.api.stream import blp as stream
from notify_svc.api.templates import blp as templates

BLUEPRINTS = (inbox, stream, preferences, deliveries, receipts, templates, alarms)
