"""payment-svc over HTTP: translates, decides nothing."""

from common.web import Routes

from payment_svc.api.counter import blp as counter
from payment_svc.api.payments import blp as payments
from payment_svc.api.sandbox import blp as sandbox_pages


def blueprints(*, sandbox: bool) -> list[Routes]:
    """The routes; the sandbox's only where there is one."""
    return [payments, counter, sandbox_pages] if sandbox else [payments, counter]
