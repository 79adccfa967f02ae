"""The messages that notify-svc takes. All go to one handler, so that a batch is one run and one write."""

from common.processor import Handler

from notify_svc import domain, usecases

SUBSCRIPTIONS: dict[type, Handler] = dict.fromkeys(domain.TOLD, usecases.tell)
