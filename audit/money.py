"""The invariants of money: what the books of booking-svc, payment-svc and the providers say of the same fen."""

from collections.abc import Iterator

from audit.parts import IN_FLIGHT, NO_MONEY, PAID, Broken, Figures


def no_fen_is_lost(f: Figures) -> Iterator[Broken]:
    """What came for an order, by payment or from the order that it replaced, and did not go, back or on, is exactly its fee
    if it is confirmed or she did not come, what could not be given back, and nothing for any other. Surplus whose refund was
    refused waits for the staff beside it.
    """
    intents = f["payment-svc"]["intents"]
    for order in f["booking-svc"]["orders"]:
        intent = intents.get(order["id"], NO_MONEY)
        came, went = intent["captured"] + intent["moved_in"], intent["moved_out"] + intent["refunded"]
        kept = came - went - intent["refunding"]
        due = (order["fee"] or 0) if order["state"] in PAID else 0
        if order["state"] == "refund_failed":
            due = intent["refund_failed"] - intent["surplus_failed"]
        due += intent["surplus_failed"]
        if kept != due and order["state"] not in IN_FLIGHT:
            yield Broken("no_fen_is_lost", order["id"], f"is {order['state']}: {kept} fen kept, {due} due")
        if order["state"] in PAID and order["fee"] and order["paid"] != intent["counted"]:
            yield Broken(
                "no_fen_is_lost", order["id"], f"knows of {order['paid']} fen paid, payment-svc of {intent['counted']}"
            )
        if went > came:
            yield Broken("no_fen_is_lost", order["id"], f"{went} fen went back or on of {came}")


def intents_agree(f: Figures) -> Iterator[Broken]:
    """What is back of an order's money is the same in both services, and so is whose it is."""
    intents = f["payment-svc"]["intents"]
    for order in f["booking-svc"]["orders"]:
        intent = intents.get(order["id"])
        if intent is not None and intent["account_id"] not in {"", order["account_id"]}:  # a tombstone knows nobody
            what = f"is of account {order['account_id']}, its intent of {intent['account_id']}"
            yield Broken("intents_agree", order["id"], what)
        back = intent["given_back"] if intent is not None else 0
        # of an order's refunds, the last that succeeds is told, with the sum of all
        if order["refunded"] != back and order["state"] not in IN_FLIGHT | {"refund_failed"}:
            yield Broken("intents_agree", order["id"], f"knows of {order['refunded']} fen back, payment-svc of {back}")


def moves_agree(f: Figures) -> Iterator[Broken]:
    """What paid for an order and now pays for the one that replaced it is the same for both, in both services."""
    intents, orders = f["payment-svc"]["intents"], {o["id"]: o for o in f["booking-svc"]["orders"]}
    for order in orders.values():
        moved_out = intents.get(order["id"], NO_MONEY)["moved_out"]
        if order["moved"] != moved_out:
            yield Broken("moves_agree", order["id"], f"{order['moved']} fen moved on, payment-svc says {moved_out}")
        if not order["replaced_by"]:
            if order["state"] == "rescheduled":
                yield Broken("moves_agree", order["id"], "is rescheduled, and no order has its place")
            continue
        successor = orders.get(order["replaced_by"])
        if successor is None or successor["replaces"] != order["id"]:
            yield Broken(
                "moves_agree", order["id"], f"was replaced by {order['replaced_by']}, which knows nothing of it"
            )
        elif (moved_in := intents.get(successor["id"], NO_MONEY)["moved_in"]) != order["moved"]:
            yield Broken("moves_agree", order["id"], f"{order['moved']} fen moved on, {moved_in} arrived")


def fees_are_earned(f: Figures) -> Iterator[Broken]:
    """The fee of a visit that took place is earned; of one that was missed it may be, and of no other order."""
    intents = f["payment-svc"]["intents"]
    for order in f["booking-svc"]["orders"]:
        earned, fee = intents.get(order["id"], NO_MONEY)["earned"], order["fee"] or 0
        due = {"fulfilled": {fee}, "no_show": {0, fee}}.get(order["state"], {0})
        if earned not in due and order["state"] not in IN_FLIGHT:
            yield Broken(
                "fees_are_earned", order["id"], f"is {order['state']}, its fee {fee} fen, and {earned} are earned"
            )


def ledger_balances(f: Figures) -> Iterator[Broken]:
    """Every entry sums to zero, and the books say what the facts say."""
    payment = f["payment-svc"]
    for name in ("unbalanced", "captures_without_entry", "unknown_captures", "ledger_disagrees"):
        for about in payment[name]:
            yield Broken("ledger_balances", str(about), name.replace("_", " "))
    if total := sum(payment["ledger"].values()):
        yield Broken("ledger_balances", "ledger", f"all accounts together are {total} fen, not zero")


def money_is_watched(f: Figures) -> Iterator[Broken]:
    """The watchdog's invariants of money hold, each looked at in all there is."""
    watchdog = f["payment-svc"]["watchdog"]
    if not watchdog:
        yield Broken("money_is_watched", "payment-svc", "no invariant of money was looked at")
    for invariant, offenders in watchdog.items():
        for offender in offenders:
            about, _, what = offender.partition(": ")
            yield Broken("money_is_watched", about, f"{invariant}: {what}")


def providers_agree(f: Figures) -> Iterator[Broken]:
    """What a provider holds for us by our books, before its fees, is what it took in and did not give back by its own.

    Only if the audit was told where the payment sandbox is. An open attempt holds no money there; a refund that was asked for may
    have gone or not, so the provider may hold less by what is under way.
    """
    payment = f["payment-svc"]
    for provider, theirs in payment.get("books", {}).items():
        ours = payment["ledger"].get(f"clearing:{provider}", 0) + payment["bill_fees"].get(provider, 0)
        held = theirs["taken_in"] - theirs["given_back"]
        under_way = payment["refunds_under_way"].get(provider, 0)
        if not 0 <= ours - held <= under_way:
            what = f"took in {theirs['taken_in']} fen and gave back {theirs['given_back']}: holds {held}, and we say {ours}"
            what += f", of which {under_way} may have gone back" if under_way else ""
            yield Broken("providers_agree", provider, what)
