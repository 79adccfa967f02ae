"""(g) Callbacks: WeChat's, signed and encrypted as it signs, believed, kept and booked; and forged ones, refused.

The limit is the one that no code can pass: the verification of an RSA signature, on one core.
"""

import json
import secrets
import time
from collections.abc import Callable
from datetime import UTC, datetime
from functools import cache

from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric.padding import PKCS1v15
from cryptography.hazmat.primitives.asymmetric.rsa import RSAPublicKey
from payment_sandbox.wechat.identity import APPID, MCHID, PUBLIC_KEY_ID, own_key
from payment_sandbox.wechat.signing import sealed, signed

from bench import cpu, load
from bench.load import Load
from bench.pgbench import PgBench
from bench.report import Figure
from bench.world import World

CLIENTS = 16
MOST = 1_500  # a second
FEE = 5000


def callbacks(world: World, _limits: PgBench) -> list[Figure]:
    """Callbacks of payments that nobody knows to be paid yet, each its own; then the same amount of forged ones."""
    believed = Figure("(g) callbacks, verified, kept and booked", "1/s", limit_is="RSA-2048 verifications, one core")
    refused = Figure("(g) forged callbacks, refused", "1/s", limit_is="RSA-2048 verifications, one core")
    world.stop_workers()  # what they do of it belongs to the saga
    for _ in range(world.rounds):
        numbers = world.awaiting_payment(round(MOST * world.seconds))
        for figure, flaw, status in ((believed, None, 204), (refused, "bad-signature", 401)):
            figure.limits.append(_verifications(0.5))
            requests = [_request(number, flaw) for number in numbers]
            before = cpu.usage(world.system)
            outcome = load.run(Load(world.port, requests, world.seconds, CLIENTS, status), load.once)
            figure.cpu.append(cpu.usage(world.system).since(before).per(outcome.done))
            figure.values.append(outcome.per_second)
            slowest = max(outcome.latencies)
            figure.notes.append(f"{outcome.done} callbacks, the slowest answered after {slowest * 1000:.0f} ms of 5 s")
    return [believed, refused]


def _request(number: str, flaw: str | None) -> bytes:
    now = datetime.now(UTC).isoformat()
    said = {
        "mchid": MCHID,
        "appid": APPID,
        "out_trade_no": number,
        "transaction_id": f"42{secrets.randbelow(10**26):026d}",
        "trade_type": "NATIVE",
        "trade_state": "SUCCESS",
        "success_time": now,
        "payer": {"openid": "o-bench"},
        "amount": {"total": FEE, "payer_total": FEE, "currency": "CNY", "payer_currency": "CNY"},
    }
    notice = {
        "id": secrets.token_hex(16),
        "create_time": now,
        "resource_type": "encrypt-resource",
        "event_type": "TRANSACTION.SUCCESS",
        "summary": "支付成功",
        "resource": {"original_type": "transaction", **sealed(json.dumps(said).encode(), "transaction")},
    }
    body = json.dumps(notice).encode()
    headers = "".join(f"{name}: {value}\r\n" for name, value in signed(body, PUBLIC_KEY_ID, flaw).items())
    return load.post("/api/v1/payments/notify/wechat", body, extra=headers)


def _verifications(seconds: float) -> float:
    """RSA verifications a second, one after the other."""
    verify, count, started = _verify(), 0, time.perf_counter()
    while time.perf_counter() - started < seconds:
        verify()
        count += 1
    return count / (time.perf_counter() - started)


@cache
def _verify() -> Callable[[], None]:
    message = b"x" * 900
    signature = own_key().sign(message, PKCS1v15(), hashes.SHA256())
    public: RSAPublicKey = own_key().public_key()
    return lambda: public.verify(signature, message, PKCS1v15(), hashes.SHA256())
