"""payment-svc. Owns: intents, attempts, provider facts, refunds, ledger."""
