"""The texts, in both languages, versioned: a notification is shown by the version that it was written for.

A text is lines with {facts} in them; a line whose facts the message does not tell is left out. A published version never
changes but for the language's sake: other facts or another meaning are a new version beside it.

accounts  codes, security, addresses, reminders
orders    the account, and an order's way from its placing to its end
chances   draws, offers, what takes the place of what, missed visits and credit
clinic    the day of the clinic
money     payments and refunds; what the staff are told
whose     the same texts of orders with whose they are
back      where money goes back to: what was paid at the counter is collected there
mail      what stands around a text in an e-mail
sms       the short messages, which providers fill in
"""

from notify_svc.texts.accounts import ACCOUNTS
from notify_svc.texts.back import BACK
from notify_svc.texts.chances import CHANCES
from notify_svc.texts.clinic import CLINIC, MISSED
from notify_svc.texts.money import MONEY
from notify_svc.texts.orders import ORDERS
from notify_svc.texts.parts import Texts
from notify_svc.texts.whose import named

_WRITTEN: Texts = ACCOUNTS | ORDERS | CHANCES | CLINIC | MONEY

TEXTS: Texts = _WRITTEN | named(_WRITTEN) | MISSED | BACK
