"""user-svc over HTTP. Translates; decides nothing.

users     accounts
tokens    logins
patients  the people one books for
credit    patients' credit: what they see and appeal, what staff decide
trail     what was done to accounts, for operators
keys      the keys of access tokens
"""

from user_svc.api.credit import blp as credit
from user_svc.api.keys import blp as keys
from user_svc.api.keys import well_known
from user_svc.api.patients import blp as patients
from user_svc.api.tokens import blp as tokens
from user_svc.api.trail import blp as trail
from user_svc.api.users import blp as users

BLUEPRINTS = (users, tokens, patients, credit, trail, keys, well_known)
"""In the order of the documents."""
