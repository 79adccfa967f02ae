"""marshmallow's base for the API: unknown fields are refused, and so is text that no database can keep."""

import re
import unicodedata
from typing import Any

from marshmallow import INCLUDE, RAISE, ValidationError, fields, pre_load, validate
from marshmallow import Schema as MarshmallowSchema

from common.errors import Invalid

_ID = re.compile(r"[A-Za-z0-9_.:-]{1,64}")


def storable(text: str) -> bool:
    """False for text with NUL or lone surrogates, which PostgreSQL refuses."""
    return "\x00" not in text and not any("\ud800" <= c <= "\udfff" for c in text)


class Schema(MarshmallowSchema):
    """Base of all request schemas."""

    class Meta:
        unknown = RAISE

    @pre_load
    def _refuse_unstorable(self, data: Any, **_: Any) -> Any:
        if isinstance(data, dict):
            bad = {
                str(k): ["has characters that cannot be stored"]
                for k, v in data.items()
                if isinstance(v, str) and not storable(v)
            }
            if bad:
                raise ValidationError(bad)
        return data


class MoneySchema(Schema):
    """Money as the API shows it: integer fen."""

    amount = fields.Integer(required=True, strict=True, metadata={"description": "fen", "example": 5000})
    currency = fields.String(required=True, validate=validate.OneOf(["CNY"]))


class FieldErrorSchema(Schema):
    """What is wrong with one field."""

    field = fields.String(required=True, metadata={"example": "patient_id"})
    message = fields.String(required=True)


class ProblemSchema(Schema):
    """What every refusal looks like (RFC 9457). Some carry further members, which their route's description names."""

    class Meta:
        unknown = INCLUDE

    type = fields.String(required=True, metadata={"example": "urn:haoyuan:problem:sold_out"})
    title = fields.String(required=True, metadata={"example": "sold out"})
    status = fields.Integer(required=True, metadata={"example": 409})
    code = fields.String(required=True, metadata={"description": "stable: made for programs", "example": "sold_out"})
    detail = fields.String(required=True, metadata={"description": "for people"})
    errors = fields.List(fields.Nested(FieldErrorSchema), metadata={"description": "with 422: every bad field"})


def money(fen: int) -> dict[str, Any]:
    """The API's form of an amount in fen."""
    return {"amount": fen, "currency": "CNY"}


class PlainText(fields.String):
    """A text of one line of bounded length, without what does not print (controls, marks that turn lines round).

    Loads it as it is kept and compared: full-width letters and digits as plain ones (NFKC), single spaces between words.
    """

    def __init__(self, longest: int, **kwargs: Any) -> None:
        super().__init__(validate=validate.Length(1, longest), **kwargs)
        self._longest = longest

    def _deserialize(self, value: Any, *args: Any, **kwargs: Any) -> str:
        text = super()._deserialize(value, *args, **kwargs)
        if len(text) > self._longest:
            raise ValidationError(f"at most {self._longest} characters")
        plain = unicodedata.normalize("NFKC", text)
        if not plain.isprintable() or not any(c.isalnum() for c in plain):
            raise ValidationError("has letters or digits, and only what prints")
        return " ".join(plain.split())


class Idents:
    """Field makers for things that look alike everywhere."""

    @staticmethod
    def id(**kwargs: Any) -> fields.String:
        """An opaque id."""
        return fields.String(validate=validate.Regexp(_ID.pattern + r"\Z", error="is no id"), **kwargs)

    @staticmethod
    def text(longest: int, shortest: int = 1, **kwargs: Any) -> fields.String:
        """A text of bounded length, in characters."""
        return fields.String(validate=validate.Length(min=shortest, max=longest), **kwargs)


def check_path_and_query(values: dict[str, Any]) -> None:
    """Raises Invalid for path or query values that no database can keep."""
    bad = [
        name for name, value in values.items() if isinstance(value, str) and (len(value) > 2000 or not storable(value))
    ]
    if bad:
        raise Invalid(
            "some parameters cannot be right",
            errors=[{"field": n, "message": "is too long or has impossible characters"} for n in bad],
        )
