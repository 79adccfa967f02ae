"""Alipay and WeChat Pay on one's own machine: a server that speaks both protocols as strictly as the vendors do.

It keeps its own books, in a database of its own, as a provider across a network does. It shares no code with payment-svc, so that
what one of them gets wrong the other finds. It refuses to exist in production.

parts      what the modules are to each other
books      trades and refunds, in SQLite
clock      its own time, which runs faster or jumps when told to
faults     what shall go wrong, per call
callbacks  notifications, by the vendors' schedules
wechat     WeChat Pay APIv3
alipay     Alipay OpenAPI v2
payer      the pages on which a payer pays, or fails to
control    /_ctl: what tests do to it
"""
