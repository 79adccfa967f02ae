"""What comes in at /gateway.do, and what goes out.

The gateway's own refusals are not signed. Whether the same signed request may come twice, Alipay does not say; there is no nonce in
it, and a payer may reload her page, so it may, and is a repetition of the call like any other.
"""

import json
import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any
from urllib.parse import unquote_to_bytes

from payment_sandbox.alipay.fields import Call, Figure, Refusal, moment
from payment_sandbox.alipay.signing import APP_ID, canonical, is_the_merchants, signed
from payment_sandbox.parts import Sandbox

SKEW = 300  # seconds of real time
_NEEDED = {
    "app_id": "isv.missing-app-id",
    "method": "isv.missing-method",
    "sign_type": "isv.missing-signature-type",
    "sign": "isv.missing-signature",
    "timestamp": "isv.missing-timestamp",
    "version": "isv.missing-version",
}
_KNOWN = {*_NEEDED, "format", "charset", "notify_url", "return_url", "biz_content"}


@dataclass(frozen=True, slots=True)
class Method:
    """`call`: what the sandbox calls it. `fields`: what biz_content may hold. `page`: a payer's browser comes with it."""

    name: str
    call: str
    work: Callable[[Sandbox, Call], dict[str, Any]]
    fields: frozenset[str]
    page: bool = False

    @property
    def key(self) -> str:
        return f"{self.name.replace('.', '_')}_response"


def parameters(*sources: bytes) -> dict[str, str]:
    """The parameters of a query or a form, from the bytes on the wire.

    Raises: Refusal.
    """
    read: dict[str, str] = {}
    for pair in b"&".join(source for source in sources if source).split(b"&"):
        name, _, value = (unquote_to_bytes(part.replace(b"+", b" ")) for part in pair.partition(b"="))
        try:
            text = value.decode()
            key = name.decode()
        except UnicodeDecodeError:
            raise _invalid("charset", "字符集错误") from None
        if key in read:
            raise _invalid("parameter", f"参数重复：{key}")
        if key:
            read[key] = text
    return read


def _invalid(what: str, said: str) -> Refusal:
    return Refusal("40002", f"isv.invalid-{what}", said)


def biz_content(params: Mapping[str, str]) -> dict[str, Any]:
    """The JSON object in it; numbers stay as they were written.

    Raises: Refusal.
    """
    try:
        biz = json.loads(params.get("biz_content") or "{}", parse_int=Figure, parse_float=Figure, parse_constant=Figure)
        json.dumps(biz, ensure_ascii=False).encode()  # half a character can be written in JSON, and nowhere else
    except (ValueError, RecursionError):
        raise Refusal("40002", "isv.illegal-json", "biz_content 不是合法的 JSON") from None
    if not isinstance(biz, dict):
        raise Refusal("40002", "isv.illegal-json", "biz_content 不是 JSON 对象")
    return biz


def about(params: Mapping[str, str], call: str) -> str:
    """Which trade, refund or day a call is about, as far as one can see before it has been looked at."""
    try:
        biz = biz_content(params)
    except Refusal:
        return ""
    names = ["out_trade_no", "trade_no"]
    if call in {"refund", "query_refund"}:
        names.insert(0, "out_request_no")
    if call == "bill":
        names = ["bill_date"]
    return next((biz[name] for name in names if isinstance(biz.get(name), str)), "")


def check(params: Mapping[str, str], methods: Mapping[str, Method], host: str) -> tuple[Method, Call]:
    """The call, if its sender is the merchant: whose app it is comes first, then the signature, then the rest.

    Raises: Refusal.
    """
    if params.get("app_id") not in {None, "", APP_ID}:
        raise _invalid("app-id", "无效的AppID参数")
    for name, sub_code in _NEEDED.items():
        if not params.get(name):
            raise Refusal("40001", sub_code, f"缺少{name}参数")
    if params["sign_type"] != "RSA2":
        raise _invalid("signature-type", "无效的签名类型")
    if not is_the_merchants(canonical(params, "sign"), params["sign"]):
        raise _invalid("signature", "验签出错，建议检查签名字符串或签名私钥与应用公钥是否匹配")
    method = methods.get(params["method"])
    if method is None:
        raise _invalid("method", "不存在的方法名")
    _check_rest(params, method)
    biz = biz_content(params)
    if unknown := biz.keys() - method.fields:
        raise _invalid("parameter", f"未知参数：{min(unknown)}")
    return method, Call(params, biz, host)


def _check_rest(params: Mapping[str, str], method: Method) -> None:
    at = moment(params["timestamp"])
    if at is None:
        raise _invalid("timestamp", "非法的时间戳参数")
    ahead = at.timestamp() - time.time()
    # A page's link is followed when the payer likes; what it may not do is come from the future.
    if ahead > SKEW or (ahead < -SKEW and not method.page):
        raise _invalid("timestamp", "非法的时间戳参数")
    if params.get("charset", "utf-8").lower() != "utf-8":
        raise _invalid("charset", "字符集错误")
    if params.get("format", "JSON").upper() != "JSON":
        raise _invalid("format", "无效的数据格式")
    if params["version"] != "1.0":
        raise _invalid("parameter", "无效的版本：version")
    if unknown := params.keys() - _KNOWN:
        raise _invalid("parameter", f"未知参数：{min(unknown)}")


# --- answers -----------------------------------------------------------------------------------------------------------


def written(key: str, fields: Mapping[str, Any]) -> bytes:
    """An answer without its signature. Slashes are escaped, as Alipay's serialiser does: who verifies must not re-serialise."""
    inner = json.dumps(fields, ensure_ascii=False, separators=(",", ":")).replace("/", "\\/")
    return f'{{"{key}":{inner}}}'.encode()


def sealed(body: bytes, flaw: str | None) -> bytes:
    """`written`, signed over the very bytes of the inner object; with the flaw of that name (one of parts.AFTER) in it."""
    key, _, inner = body[1:-1].partition(b":")
    if flaw == "stale":
        inner = _of_another(inner)
    if flaw == "unsigned" or key == b'"error_response"':
        text = b"{%s:%s}" % (key, inner)
    else:
        text = b'{%s:%s,"sign":"%s"}' % (key, inner, signed(inner, flaw).encode())
    return text[: len(text) // 2] if flaw == "malformed" else text


def _of_another(inner: bytes) -> bytes:
    """A truly signed answer that was given to another question: Alipay's carry no time, so that is how an old one looks."""
    fields = json.loads(inner)
    for name in ("out_trade_no", "trade_no", "out_request_no"):
        if name in fields:
            fields[name] = f"{fields[name]}9"
    return written("x", fields)[len('{"x":') : -1]
