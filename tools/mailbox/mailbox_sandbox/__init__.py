"""Everybody's mailbox on one's own machine: an e-mail server, Alibaba Cloud's and Tencent Cloud's SMS, and a page of what arrived.

It is another house: it keeps what it got in a database of its own, checks signatures as the providers do, and shares no code with
notify-svc, so that what one of them gets wrong the other finds. It refuses to exist in production.

parts        what the modules are to each other; the published credentials
box          what arrived, in SQLite
faults       what shall go wrong, per call
certificate  of the e-mail server, made on first start
smtp         the e-mail server
sms          what both providers of SMS have in common
alibaba      Dysmsapi 2017-05-25, signed by ACS3-HMAC-SHA256
tencent      SMS 2021-01-11, signed by TC3-HMAC-SHA256
receipts     what the providers tell of deliveries
page         what arrived, for people
control      /_ctl: what tests do to it
"""
