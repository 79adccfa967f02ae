"""People with addresses, and carriers that count what they carry."""

import threading
from collections import Counter
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from typing import Any

from common import messages as m
from common.service import Service
from common.settings import DEV_CONTACT_KEY
from common.testing import deliver
from common.vault import Vault
from notify_svc.channels import Absent, Channel, Letter, Outcome, Sent, Unknown
from notify_svc.kinds import CHANNELS
from notify_svc.store import MongoStore
from notify_svc.usecases.sending import Post

VAULT = Vault(DEV_CONTACT_KEY)
EMAIL, PHONE = "alice@example.com", "13800001234"


class Crash(BaseException):
    """The process is gone, as far as the code can see."""


@dataclass
class Counting:
    """A carrier that keeps every letter. `says`: what it answers, if not Sent. knows: it can be asked."""

    name: str
    channel: Channel
    says: Callable[[Letter], Outcome] = lambda letter: Sent(f"ref-{letter.key}")
    knows: bool = True
    carried: list[Letter] = field(default_factory=list)
    asked: int = 0
    lock: threading.Lock = field(default_factory=threading.Lock)

    def carries(self, kind: str, locale: str) -> bool:
        return True

    def send(self, letter: Letter) -> Outcome:
        outcome = self.says(letter)
        if isinstance(outcome, Sent | Unknown):
            with self.lock:
                self.carried.append(letter)
        return outcome

    def find(self, letter: Letter, handed_at: datetime) -> Sent | Absent | Unknown | None:
        self.asked += 1
        if not self.knows:
            return None
        return Sent("found") if any(c.key == letter.key for c in self.carried) else Absent()

    @property
    def keys(self) -> Counter[str]:
        return Counter(letter.key for letter in self.carried)


def contact(
    account_id: str = "acc_1",
    *,
    email: str | None = EMAIL,
    phone: str | None = PHONE,
    revision: int = 1,
    locale: Any = "zh-CN",
) -> m.ContactChanged:
    sealed_email = email and VAULT.seal(email, f"{account_id}/email")
    sealed_phone = phone and VAULT.seal(phone, f"{account_id}/phone")
    return m.ContactChanged(account_id, revision, locale, sealed_email, sealed_phone)


def code(
    code_id: str, expires_at: datetime, *, to: str = PHONE, channel: Any = "sms", says: str = "123456"
) -> m.CodeIssued:
    sealed = VAULT.seal(to, f"{code_id}/to"), VAULT.seal(says, f"{code_id}/code")
    return m.CodeIssued(code_id, "login", channel, *sealed, "zh-CN", expires_at)


def store_of(service: Service) -> MongoStore:
    assert isinstance(service.store, MongoStore)
    return service.store


def post(store: MongoStore, *carriers: Any, most: Mapping[str, int] | None = None) -> Post:
    limits = {carrier.name: 1000 for carrier in carriers} | dict(most or {})
    return Post(
        store,
        VAULT,
        carriers,
        limits,
        timedelta(seconds=30),
        "http://localhost:8000",
        "Haoyuan <no-reply@haoyuan.example>",
    )


def send_all(desk: Post, *channels: Channel) -> int:
    """Do what is due now, once each; answers how much that was."""
    jobs = [job for channel in channels or CHANNELS for job in desk.due(channel)]
    for job in jobs:
        job()
    return len(jobs)


def log_of(store: MongoStore, **filters: str) -> dict[str, str]:
    """Delivery -> its state, with the reason if there is one."""
    return {d.id: d.state + (f": {d.reason}" if d.reason else "") for d in store.deliveries.newest(filters, None, 500)}


def states(store: MongoStore) -> Counter[str]:
    return Counter(log_of(store).values())


def tell_confirmed(service: Service, account_id: str = "acc_1", order_id: str = "ord_1") -> None:
    from notify_world import VISIT

    deliver(service, m.OrderConfirmed(order_id, account_id, "pat_1", "ses_1", VISIT, 7, 5000))
