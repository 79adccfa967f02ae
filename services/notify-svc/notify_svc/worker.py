"""The messages that notify-svc takes. All news go to one handler, so that a batch is one run and one write; alarms to another."""

from functools import partial

from common.messages import (
    AccountDeleted,
    CodeIssued,
    ContactChanged,
    MoneyAlarmCleared,
    MoneyAlarmRaised,
    PatientSaved,
)
from common.processor import Handler
from common.vault import Vault

from notify_svc import domain
from notify_svc.usecases import alarms, contacts, people, planning, telling


def subscriptions(vault: Vault) -> dict[type, Handler]:
    """vault: opens addresses, to see whether one is the same as before."""
    return {
        **dict.fromkeys(domain.TOLD, telling.tell),
        **dict.fromkeys((MoneyAlarmRaised, MoneyAlarmCleared), alarms.keep),
        ContactChanged: partial(contacts.keep, vault=vault),
        AccountDeleted: contacts.forget,
        CodeIssued: planning.send_codes,
        PatientSaved: people.keep,
    }
