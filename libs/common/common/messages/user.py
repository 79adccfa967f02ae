"""What user-svc sends: accounts, patients, their credit."""

from dataclasses import dataclass
from typing import Literal

from common.messages.catalogue import Count, Id, Sealed, Text, Time, message
from common.messages.parts import CreditMark

# --- user-svc --------------------------------------------------------------------------------------------------------


@message("user.user_registered", 1, sender="user-svc", subject="account_id")
@dataclass(frozen=True, slots=True)
class UserRegistered:
    """A new account. `locale` is the language of what we tell its owner: zh-CN or en."""

    account_id: Id
    username: Text
    locale: Literal["zh-CN", "en"]


@message("user.contact_changed", 1, sender="user-svc", subject="account_id")
@dataclass(frozen=True, slots=True)
class ContactChanged:
    """Where an account's owner is reached: addresses that she has proved to be hers, all that there are now; and her language.

    `email` is sealed for "<account_id>/email", `phone` for "<account_id>/phone".
    """

    account_id: Id
    revision: Count
    locale: Literal["zh-CN", "en"]
    email: Sealed | None
    phone: Sealed | None


CodePurpose = Literal["register", "login", "reset", "confirm", "export", "delete"]


@message("user.code_issued", 1, sender="user-svc", subject="code_id")
@dataclass(frozen=True, slots=True)
class CodeIssued:
    """Somebody must prove that an address is hers: tell her this code, there and nowhere else, and not after `expires_at`.

    `to` (an e-mail address or a phone number) is sealed for "<code_id>/to", `code` for "<code_id>/code".
    """

    code_id: Id
    purpose: CodePurpose
    channel: Literal["email", "sms"]
    to: Sealed
    code: Sealed
    locale: Literal["zh-CN", "en"]
    expires_at: Time


SecurityEvent = Literal[
    "password_changed", "password_reset", "email_added", "email_changed", "phone_added", "phone_changed", "logins_ended",
    "token_reused", "locked", "roles_changed", "data_exported", "account_deleted"
]  # fmt: skip


@message("user.security_noted", 1, sender="user-svc", subject="account_id")
@dataclass(frozen=True, slots=True)
class SecurityNoted:
    """Something about an account that its owner must hear of, whoever did it.

    Where an address was taken away, or the account with it, `former` is that address (sealed for "<note_id>/former"), so that it
    is told there too.
    """

    note_id: Id
    account_id: Id
    what: SecurityEvent
    at: Time
    device: Text
    channel: Literal["email", "sms"] | None
    former: Sealed | None


@message("user.account_deleted", 1, sender="user-svc", subject="account_id")
@dataclass(frozen=True, slots=True)
class AccountDeleted:
    """An account's owner has ended it. What others keep of her beyond money and its evidence is to be forgotten; what she has
    booked and can still cancel is cancelled.
    """

    account_id: Id
    patient_ids: list[Id]
    at: Time


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
    """A patient's credit (爽约记录) changed. `marks` are all that stand now, in whosever list the person is (common.ids.person_of);
    what no longer stands has expired or was lifted. `revision` grows with each change of the person's.

    `mark_id` is the mark that this is about. `upheld`: its appeal was turned down, so that it stands for good.
    """

    patient_id: Id
    account_id: Id
    revision: Count
    change: Literal["recorded", "lifted", "upheld"]
    mark_id: Id
    marks: list[CreditMark]
