"""The messages that notify-svc takes. All news go to one handler, so that a batch is one run and one write; alarms to another."""

from common.messages import (
    AccountDeleted,
    CodeIssued,
    ContactChanged,
    MoneyAlarmCleared,
    MoneyAlarmRaised,
    PatientSaved,
)
from common.processor import Handler

from notify_svc import domain
from notify_svc.usecases import alarms, contacts, people, planning, telling

SUBSCRIPTIONS: dict[type, Handler] = {
    **dict.fromkeys(domain.TOLD, telling.tell),
    **dict.fromkeys((MoneyAlarmRaised, MoneyAlarmCleared), alarms.keep),
    ContactChanged: contacts.keep,
    AccountDeleted: contacts.forget,
    CodeIssued: planning.send_codes,
    PatientSaved: people.keep,
}
