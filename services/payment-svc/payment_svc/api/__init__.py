"""payment-svc over HTTP: translates, decides nothing."""

from common.web import Routes

from payment_svc.api.counter import blp as counter
from payment_svc.api.ledger import blp as ledger
from payment_svc.api.notify import blp as notify
from payment_svc.api.payments import blp as payments
from payment_svc.api.reconciliations import blp as reconciliations


def blueprints() -> list[Routes]:
    """The routes."""
    return [payments, counter, ledger, notify, reconciliations]
