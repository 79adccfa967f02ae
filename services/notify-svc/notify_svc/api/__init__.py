"""notify-svc over HTTP. Translates; decides nothing."""

from notify_svc.api.alarms import blp as alarms
from notify_svc.api.deliveries import blp as deliveries
from notify_svc.api.inbox import blp as inbox
from notify_svc.api.preferences import blp as preferences
from notify_svc.api.stream import blp as stream

BLUEPRINTS = (inbox, stream, preferences, deliveries, alarms)
