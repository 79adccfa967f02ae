"""payment-svc's database: tables, queries, the ledger."""
