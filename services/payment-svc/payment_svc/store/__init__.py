"""payment-svc's database: tables, queries, the ledger, and the sandbox's own books."""
