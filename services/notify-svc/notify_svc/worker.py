"""The messages that notify-svc takes. All news go to one handler, so that a batch is one run and one write; alarms to another."""

from common.messages import MoneyAlarmCleared, MoneyAlarmRaised
from common.processor import Handler

from notify_svc import domain, usecases

SUBSCRIPTIONS: dict[type, Handler] = {
    **dict.fromkeys(domain.TOLD, usecases.tell),
    **dict.fromkeys((MoneyAlarmRaised, MoneyAlarmCleared), usecases.keep_alarms),
}
