"""Reminders of so many accounts, all due in one minute: how fast they are fired, in how much memory, and what overtakes them.

notify-svc's own code in a process of its own, on a private document store, with a carrier that counts letters and sends none.
"""

import json
import os
import subprocess
import sys
import tempfile
from pathlib import Path
from typing import Any

from bench.pgbench import PgBench
from bench.report import Figure
from bench.world import World
from stack.stores import local_mongo

ACCOUNTS, ACCOUNTS_QUICK = 100_000, 2_000
SECONDS, SECONDS_QUICK = 20, 4
"""How long letters go out."""
LIMIT = 50
"""Letters a second that the provider takes."""
MEMORY = 300
"""MB; the process may not take more, however many are due."""

# What the worker of notify-svc does at 18:00 of the day before; the service itself is nobody's to import.
_FIRE = """
import json, resource, sys, threading, time
from collections import Counter
from datetime import datetime, timedelta
from functools import partial
from common import messages as m
from common.clock import SHANGHAI
from common.envelope import Received, seal, unseal
from common.settings import DEV_CONTACT_KEY
from common.vault import Vault
from notify_svc.channels import Sent
from notify_svc.sender import Sender
from notify_svc.store import MongoStore
from notify_svc.usecases import reminders, telling, visits
from notify_svc.usecases.sending import Post

url, accounts, seconds, limit = sys.argv[1], int(sys.argv[2]), float(sys.argv[3]), int(sys.argv[4])
EVENING = datetime(2026, 11, 23, 18, tzinfo=SHANGHAI)
now = EVENING - timedelta(days=1)
def clock(): return now
store, vault = MongoStore(url, lambda: clock()), Vault(DEV_CONTACT_KEY)
store.migrate()

def visit(n):
    at = EVENING + timedelta(hours=14 + n % 9)
    return m.Visit("hos", "Hospital", "dep", "Department", "doc", "Doctor", "Chief", at.date(), "morning", at, at + timedelta(minutes=30), "3-12")

def take(handler, messages):
    received = [unseal(seal(message, clock()).body) for message in messages]
    with store.transaction() as tx:
        handler(tx, received)

store.contacts.change("acc_0", 1, "zh-CN", {"email": vault.seal("a@example.com", "acc_0/email")})
like = store.contacts.collection.find_one({"_id": "acc_0"})
for first in range(0, accounts, 1000):
    some = range(first, min(first + 1000, accounts))
    confirmed = [m.OrderConfirmed(f"ord_{n}", f"acc_{n}", f"pat_{n}", "ses", visit(n), 7, 5000) for n in some]
    take(visits.follow, confirmed)
    sealed = {n: vault.seal("a@example.com", f"acc_{n}/email") for n in some if n}
    store.contacts.collection.insert_many([{**like, "_id": f"acc_{n}", "to_email": to} for n, to in sealed.items()])
before = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
now = EVENING
started, looks, batches, most = time.monotonic(), 0, 0, 0
while done := reminders.fire_due(store):
    looks, batches, most = looks + done, batches + 1, max(most, done)
took = time.monotonic() - started
fired = store.notifications.collection.count_documents({"kind": "visit_tomorrow"})
peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss

class Counting:
    name, channel = "counting", "email"
    letters, lock = [], threading.Lock()
    def carries(self, kind, locale): return True
    def find(self, letter, handed_at): return None
    def send(self, letter):
        with self.lock:
            self.letters.append((time.time(), letter.kind))
        return Sent()

real = time.time()
def clock(): return EVENING + timedelta(seconds=time.time() - real)
carrier = Counting()
post = Post(store, vault, [carrier], most={"counting": limit}, call=timedelta(seconds=1), public_url="http://x", mail_from="a@example.com")
sender = Sender("email", partial(post.due, "email"))
sender.start()
time.sleep(seconds / 2)
urgent_at = time.time()
take(telling.tell, [m.OrderHeld("ord_urgent", "acc_1", visit(1), 7, 5000, 5000, clock() + timedelta(minutes=15))])
deadline = time.monotonic() + 120
while not any(kind == "order_held" for _, kind in carrier.letters) and time.monotonic() < deadline:
    time.sleep(0.05)
time.sleep(max(0.0, real + seconds - time.time()))
sender.stop()
sent = list(carrier.letters)
per_second = Counter(int(at - real) for at, _ in sent)
first = next((i for i, (_, kind) in enumerate(sent) if kind == "order_held"), None)
overtaken = None if first is None else sum(1 for at, _ in sent[:first] if at >= urgent_at)
print(json.dumps({
    "fired": fired, "seconds": took, "batches": batches, "most": most, "before": before / 1024, "peak": peak / 1024,
    "end": resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024, "sent": len(sent), "most_in_a_second": max(per_second.values(), default=0),
    "before_the_urgent": overtaken, "urgent_after": None if first is None else sent[first][0] - urgent_at,
}))
"""


def reminders(world: World, _limits: PgBench) -> list[Figure]:
    """(i) Reminders due in one minute."""
    if world.seconds > 1:
        return measure(ACCOUNTS, SECONDS)
    return measure(ACCOUNTS_QUICK, SECONDS_QUICK)


def measure(accounts: int, seconds: float) -> list[Figure]:
    """One round with so many accounts."""
    found = _run(accounts, seconds)
    if found["fired"] != accounts:
        raise AssertionError(f"{found['fired']} reminders of {accounts} were fired")
    speed = Figure(f"(i) reminders fired, {accounts:,} due at once", "1/s", [accounts / found["seconds"]])
    speed.notes.append(
        f"in {found['batches']} batches of {found['most']} at most; each an inbox entry and an e-mail to be sent"
    )
    memory = Figure("    their process, at most", "MB", [found["peak"]], goal=f"below {MEMORY}", better="lower")
    memory.notes.append(
        f"{found['before']:.0f} MB before the first was due, {found['end']:.0f} MB with letters going out"
    )
    rate = Figure(
        "    letters in any second, at most", "letters", [found["most_in_a_second"]], goal=f"at most {2 * LIMIT}"
    )
    rate.better = "lower"
    rate.notes.append(
        f"{found['sent']} letters in {seconds:g} s at a limit of {LIMIT} a second; seconds are ours and the limit's"
    )
    waited = float("inf") if found["before_the_urgent"] is None else found["before_the_urgent"]
    urgent = Figure(
        "    letters before an urgent one", "letters", [waited], goal=f"at most {2 * LIMIT}", better="lower"
    )
    urgent.notes.append(f"planned while {accounts - found['sent']:,} reminders and more waited")
    memory.met, rate.met, urgent.met = (
        memory.value < MEMORY,
        rate.value <= 2 * LIMIT,
        urgent.value <= 2 * LIMIT,
    )
    return [speed, memory, rate, urgent]


def _run(accounts: int, seconds: float) -> dict[str, Any]:
    """Raises AssertionError with its last words if it fails.

    The store's files are in memory if they can be: nx-27017 syncs each document by itself, MongoDB those of a command together.
    """
    memory = Path("/dev/shm")  # noqa: S108
    with tempfile.TemporaryDirectory(dir=memory if memory.is_dir() else None) as folder:
        mongo = local_mongo(Path(folder))
        mongo.start()
        try:
            command = [sys.executable, "-c", _FIRE, mongo.url("bench"), str(accounts), str(seconds), str(LIMIT)]
            done = subprocess.run(
                command, capture_output=True, text=True, check=False, env=os.environ | {"LOG_LEVEL": "ERROR"}
            )
        finally:
            mongo.stop()
    if done.returncode:
        raise AssertionError(f"reminders: exit {done.returncode}: {done.stderr[-800:]}")
    answer: dict[str, Any] = json.loads(done.stdout.splitlines()[-1])
    return answer
