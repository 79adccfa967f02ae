"""Moving money: an order takes the place of another, and what paid for that one pays for this one.

Nothing leaves the house for it but what is too much. Captures are not touched: their tenders are divided.
"""

from collections.abc import Sequence
from dataclasses import replace

from common import ids
from common.envelope import Received
from common.errors import InvalidMessage, Transient
from common.messages import MovePayment, PaymentMoved
from common.outbox import Tx

from payment_svc.domain import REST, TRANSFER, Intent, Move, Tender, divide, payable_account
from payment_svc.store import intents as store
from payment_svc.store import ledger, tenders
from payment_svc.store import refunds as refund_store
from payment_svc.usecases.refunds import give_back, reserve


def move_payment(tx: Tx, received: Sequence[Received]) -> None:
    """Let money of one order settle the other, and the rest of it go back, once; say so again however often it is asked.

    Raises InvalidMessage if there is not so much, if it has moved elsewhere, or if the other order may still be paid otherwise:
    the saga never asks that.
    """
    commands: list[MovePayment] = [r.message for r in received]
    intents = store.lock_intents(tx, [o for command in commands for o in (command.order_id, command.from_order_id)])
    for command in commands:
        giver = intents.get(command.from_order_id)
        if giver is None:
            raise InvalidMessage(f"nothing was paid for {command.from_order_id}")
        move = tenders.move_from(tx.conn, giver.order_id)
        if move is None:
            move = _move(tx, command, intents)
        elif move.order_id != command.order_id:
            raise InvalidMessage(f"the money of {giver.order_id} has moved to {move.order_id}")
        tx.send(PaymentMoved(move.order_id, move.from_order_id, giver.account_id, move.amount, move.returned))


def _move(tx: Tx, command: MovePayment, intents: dict[str, Intent]) -> Move:
    """Do it. `intents` are those that are locked; they are left as they are then."""
    giver, taker = intents[command.from_order_id], intents.get(command.order_id)
    settling = [t for t in tenders.tenders_of(tx.conn, [giver.order_id]).get(giver.order_id, ()) if t.settles]
    there = sum(t.amount for t in settling)
    _may_move(command, giver, taker, there)
    if command.amount:
        taker = _let_grow(tx, command, taker) if taker else _open_paid(tx, command, settling[0])
        intents[taker.order_id] = taker
    moved = []
    for tender, part in divide(settling, command.amount):
        tenders.give_on(tx, tender, moved=part)
        if part and taker is not None:
            moved.append(_pass_on(tx, giver, taker, tender, part))
        if rest := tender.amount - part:
            debit, credit = payable_account("order"), payable_account("surplus")
            ledger.post(tx, REST, tender.id, giver, debit=debit, credit=credit, amount=rest)
            reserve(tx, giver, tender, rest, "surplus", REST)
    store.set_intent(tx, giver.order_id, state="moved")
    intents[giver.order_id] = replace(giver, state="moved")
    if taker is not None:
        _follow(tx, taker, moved)
    move = Move(giver.order_id, command.order_id, command.amount, there - command.amount)
    tenders.add_move(tx, move)
    return move


def _may_move(command: MovePayment, giver: Intent, taker: Intent | None, there: int) -> None:
    """Raises InvalidMessage if it may not."""
    if giver.state != "paid" or not there:
        raise InvalidMessage(f"there is no money of {giver.order_id} to move")
    if command.amount > there:
        raise InvalidMessage(f"{giver.order_id} was paid {there} fen, and {command.amount} are to move")
    if command.order_id == giver.order_id:
        raise InvalidMessage(f"{giver.order_id} cannot take its own place")
    if taker is not None and taker.state != "paid":
        raise InvalidMessage(f"{command.order_id} is {taker.state}: nothing can move there")
    if {i.account_id for i in (giver, taker) if i} != {command.account_id}:
        raise InvalidMessage(f"{command.order_id} and {giver.order_id} are not of one account")


def _let_grow(tx: Tx, command: MovePayment, taker: Intent) -> Intent:
    """The order was paid by itself, for the difference: its total grows."""
    total = taker.amount + command.amount
    store.set_intent(tx, taker.order_id, amount=total)
    return replace(taker, amount=total)


def _open_paid(tx: Tx, command: MovePayment, first: Tender) -> Intent:
    """The intent of an order that is paid by what moves, and by nothing else."""
    intent = Intent(
        command.order_id,
        command.account_id,
        command.hospital_id,
        command.amount,
        command.description,
        None,
        "paid",
        first.payment_id,
        first.capture_id,
    )
    if not store.add_intent(tx, intent):
        # locked now it would be out of turn: others hold it and wait for the giver
        raise Transient(f"{command.order_id} has just got its intent")
    return intent


def _pass_on(tx: Tx, giver: Intent, taker: Intent, tender: Tender, amount: int) -> Tender:
    new = replace(
        tender, id=ids.mint("tnd"), order_id=taker.order_id, amount=amount, moved_from=tender.id, created_at=tx.now
    )
    tenders.add_tender(tx, new)
    payable = payable_account("order")
    ledger.post(tx, "moved_out", new.id, giver, debit=payable, credit=TRANSFER, amount=amount)
    ledger.post(tx, "moved_in", new.id, taker, debit=TRANSFER, credit=payable, amount=amount)
    return new


def _follow(tx: Tx, taker: Intent, moved: Sequence[Tender]) -> None:
    """Money that moves to an order whose own is on its way back, or back, goes the same way."""
    if under_way := refund_store.refunds_for(tx.conn, taker.order_id):
        reason = next(iter(under_way.values()))[0].reason
        for tender in moved:
            give_back(tx, taker, tender, "order", reason)
