"""payment-svc: money.

Owns: intents (one per order), attempts, provider facts, tenders (what settles an order), moves, refunds, the ledger.
Publishes: PaymentSucceeded, PaymentFailed, PaymentClosed, PaymentMoved, RefundSucceeded, RefundFailed, MoneyAlarmRaised, MoneyAlarmCleared.
Consumes: RequestPayment, ClosePayment, RefundPayment, MovePayment, OrderConfirmed, VisitCompleted, VisitMissed.

domain     states, what a fact does to them, schedules; pure
providers  the seam to whoever takes the money: the cashier's counter, WeChat Pay, Alipay
store      tables, queries, the ledger
usecases   commands of the saga, `apply_fact`, payments, refunds, and the jobs that talk to providers
api        HTTP; worker: subscriptions and jobs; app: the composition root
"""
