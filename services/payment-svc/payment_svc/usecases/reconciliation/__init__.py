"""Reconciliation: each day of each provider is closed when its bill and our books agree, or every difference is explained.

days     which days there are, and how their bills are had; the jobs
rounds   comparing: what differs, what is over, what staff must look at; closing a day; its fees
settle   booking what a bill knows and we do not, and asking the provider about the rest
staff    what operators see, and what they explain
"""
