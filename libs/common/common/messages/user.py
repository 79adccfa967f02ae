"""What user-svc sends: accounts, patients, their credit."""

from dataclasses import dataclass
from typing import Literal

from common.messages.catalogue import Count, Id, Text, message
from common.messages.parts import CreditMark

# --- user-svc --------------------------------------------------------------------------------------------------------


@message("user.user_registered", 1, sender="user-svc", subject="account_id")
@dataclass(frozen=True, slots=True)
class UserRegistered:
    """A new account. `locale` is the language of what we tell its owner: zh-CN or en."""

    account_id: Id
    username: Text
    locale: Literal["zh-CN", "en"]


@message("user.patient_saved", 1, sender="user-svc", subject="patient_id")
@dataclass(frozen=True, slots=True)
class PatientSaved:
    """A person to book for was added, changed or removed. `masked_name` is 张*; nothing else of the person leaves."""

    patient_id: Id
    account_id: Id
    revision: Count
    masked_name: Text
    removed: bool


@message("user.credit_changed", 1, sender="user-svc", subject="patient_id")
@dataclass(frozen=True, slots=True)
class CreditChanged:
    """A patient's credit (爽约记录) changed. `marks` are all that stand now; what no longer stands has expired or was lifted.

    `mark_id` is the mark that this is about. `upheld`: its appeal was turned down, so that it stands for good.
    """

    patient_id: Id
    account_id: Id
    revision: Count
    change: Literal["recorded", "lifted", "upheld"]
    mark_id: Id
    marks: list[CreditMark]
