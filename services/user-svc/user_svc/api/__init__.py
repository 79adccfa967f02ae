"""user-svc over HTTP. Translates; decides nothing.

users   accounts, logins, patients, the keys of access tokens
credit  patients' credit: what they see and appeal, what staff decide
"""

from user_svc.api.credit import blp as credit
from user_svc.api.users import blp as users
from user_svc.api.users import well_known

BLUEPRINTS = (users, credit, well_known)
"""In the order of the documents."""
