"""What payment-svc can do.

facts      apply_fact: how money moves states; the only place where it does
outcomes   what providers say, as facts
callbacks  what providers say unasked: believed, kept, applied, answered
refunds    giving back: reserve, issuing a refused one again
moves      an order takes the place of another: tenders are divided
commands   what booking-svc asks for: open, close, refund
payments   what patients ask for: attempts
jobs       asking providers: query, close, refund
reconciliation  bills against books: days, rounds, what staff explain
counter    what cashiers record: receipts, refunds paid out, or sent to a card
"""
