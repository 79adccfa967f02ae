"""What user-svc can do: one function each."""

from user_svc.usecases.accounts import change_account, ensure_account, get_account, register, set_roles
from user_svc.usecases.logins import Tokens, log_in, refresh
from user_svc.usecases.parts import Parts
from user_svc.usecases.patients import add_patient, change_patient, list_patients, remove_patient

__all__ = [
    "Parts",
    "Tokens",
    "add_patient",
    "change_account",
    "change_patient",
    "ensure_account",
    "get_account",
    "list_patients",
    "log_in",
    "refresh",
    "register",
    "remove_patient",
    "set_roles",
]
