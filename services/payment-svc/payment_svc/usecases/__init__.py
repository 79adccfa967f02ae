"""What payment-svc can do.

facts      apply_fact: how money moves states; the only place where it does
refunds    giving back: reserve, the job that asks the provider, issuing a refused one again
moves      an order takes the place of another: tenders are divided
commands   what booking-svc asks for: open, close, refund
payments   what patients ask for: attempts; the jobs that query and close them
counter    what cashiers record: receipts, refunds paid out
"""
