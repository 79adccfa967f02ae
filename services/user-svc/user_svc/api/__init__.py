"""user-svc over HTTP. Translates; decides nothing.

users     accounts
codes     codes that prove addresses, and the addresses
passwords
tokens    logins
staff     roles, and who has them at a hospital
patients  the people one books for
credit    patients' credit: what they see and appeal, what staff decide
own_data  all of one's own data, and the end of one's account
trail     what was done to accounts, for operators
keys      the keys of access tokens
"""

from user_svc.api.codes import blp as codes
from user_svc.api.credit import blp as credit
from user_svc.api.keys import blp as keys
from user_svc.api.keys import well_known
from user_svc.api.own_data import blp as own_data
from user_svc.api.passwords import blp as passwords
from user_svc.api.patients import blp as patients
from user_svc.api.staff import blp as staff
from user_svc.api.tokens import blp as tokens
from user_svc.api.trail import blp as trail
from user_svc.api.users import blp as users

BLUEPRINTS = (users, codes, passwords, tokens, staff, patients, credit, own_data, trail, keys, well_known)
"""In the order of the documents."""
