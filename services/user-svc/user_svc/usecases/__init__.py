"""What user-svc can do: one function each."""

from user_svc.usecases.accounts import change_account, ensure_account, get_account, register
from user_svc.usecases.parts import Parts
from user_svc.usecases.patients import add_patient, change_patient, list_patients, remove_patient

__all__ = [
    "Parts",
    "add_patient",
    "change_account",
    "change_patient",
    "ensure_account",
    "get_account",
    "list_patients",
    "register",
    "remove_patient",
]
