"""Both SMS providers' APIs as their documents describe them, on one local server that believes no wrong signature.

Alibaba Cloud: ACS3-HMAC-SHA256, https://help.aliyun.com/zh/sdk/product-overview/v3-request-structure-and-signature
Tencent Cloud: TC3-HMAC-SHA256, https://cloud.tencent.com/document/api/382/52071
"""

import contextlib
import hashlib
import hmac
import json
import re
import threading
import time
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from datetime import UTC, datetime
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any
from urllib.parse import parse_qsl, quote, urlsplit

from notify_svc.channels import Letter

ALIBABA_KEY, ALIBABA_SECRET = "LTAI-test", "alibaba secret"
TENCENT_KEY, TENCENT_SECRET = "AKID-test", "tencent secret"
APP_ID = "1400006666"
Json = dict[str, Any]


def letter(**changes: Any) -> Letter:
    """A short message as `letters.compose` makes it."""
    as_it_is: dict[str, Any] = {
        "key": "01JD:acc_1:code_login:sms",
        "channel": "sms",
        "to": "+8613812345678",
        "kind": "code_login",
        "locale": "zh-CN",
        "subject": "",
        "text": "验证码042137",
        "facts": {"code": "042137", "hospital": "仁济医院 & 分院"},
    }
    return Letter(**{**as_it_is, **changes})


@dataclass
class Provider:
    """What came, and what is answered. `answers`: played one after the other in place of success: a code, or (status, body).

    taken: what a right call asked to be sent. listed: what QuerySendDetails shows. drop: the connection ends without an answer
    after a right call; hold: it does not end at all until `released` is set.
    """

    answers: list[Any] = field(default_factory=list)
    taken: list[Json] = field(default_factory=list)
    calls: list[str] = field(default_factory=list)
    refused: list[str] = field(default_factory=list)
    listed: list[Json] = field(default_factory=list)
    nonces: set[str] = field(default_factory=set)
    headers: list[Mapping[str, str]] = field(default_factory=list)
    drop: bool = False
    hold: bool = False
    released: threading.Event = field(default_factory=threading.Event)
    url: str = ""

    # --- Alibaba Cloud

    def alibaba(self, method: str, target: str, headers: Mapping[str, str], body: bytes) -> tuple[int, Json]:
        fault = self._acs3_fault(method, target, headers, body)
        if fault:
            self.refused.append(fault)
            return 400, {"Code": fault, "Message": "the signature does not do", "RequestId": "R", "HostId": "h"}
        asked: Json = dict(parse_qsl(urlsplit(target).query))
        asked |= dict(parse_qsl(body.decode()))
        action = headers["x-acs-action"]
        self.calls.append(action)
        if action == "QuerySendDetails":
            return self._details(asked)
        self.taken.append(asked)
        return self._next(
            {"Code": "OK", "Message": "OK", "RequestId": "R", "BizId": f"9006^{len(self.taken)}"}, _alibaba
        )

    def _acs3_fault(self, method: str, target: str, headers: Mapping[str, str], body: bytes) -> str:
        found = re.fullmatch(
            r"ACS3-HMAC-SHA256 Credential=([^,]+),SignedHeaders=([^,]+),Signature=([0-9a-f]{64})",
            headers.get("authorization", ""),
        )
        if not found or found[1] != ALIBABA_KEY:
            return "InvalidAccessKeyId.NotFound"
        names = found[2].split(";")
        must = {name for name in headers if name.startswith("x-acs-")} | {"host"}
        if names != sorted(names) or not must <= set(names):
            return "IncompleteSignature"
        digest = hashlib.sha256(body).hexdigest()
        at = datetime.strptime(headers["x-acs-date"], "%Y-%m-%dT%H:%M:%SZ").replace(tzinfo=UTC)
        if headers["x-acs-content-sha256"] != digest or abs((datetime.now(UTC) - at).total_seconds()) > 900:
            return "InvalidTimeStamp.Expired"
        if headers["x-acs-signature-nonce"] in self.nonces:
            return "SignatureNonceUsed"
        self.nonces.add(headers["x-acs-signature-nonce"])
        pairs = sorted((quote(k, safe="~"), quote(v, safe="~")) for k, v in parse_qsl(urlsplit(target).query, True))
        canonical = "\n".join(
            [
                method,
                urlsplit(target).path or "/",
                "&".join(f"{k}={v}" for k, v in pairs),
                "".join(f"{name}:{headers[name].strip()}\n" for name in names),
                ";".join(names),
                digest,
            ]
        )
        text = f"ACS3-HMAC-SHA256\n{hashlib.sha256(canonical.encode()).hexdigest()}"
        signature = hmac.digest(ALIBABA_SECRET.encode(), text.encode(), "sha256").hex()
        return "" if hmac.compare_digest(signature, found[3]) else "SignatureDoesNotMatch"

    def _details(self, asked: Json) -> tuple[int, Json]:
        size, page = int(asked["PageSize"]), int(asked["CurrentPage"])
        assert 1 <= size <= 50
        assert re.fullmatch(r"1\d{10}", asked["PhoneNumber"])
        of_day = [d for d in self.listed if d["SendDate"].replace("-", "")[:8] == asked["SendDate"]]
        found = [d for d in of_day if d["PhoneNum"] == asked["PhoneNumber"]]
        shown = {"SmsSendDetailDTO": found[(page - 1) * size : page * size]}
        body = {"Code": "OK", "Message": "OK", "RequestId": "R", "TotalCount": len(found), "SmsSendDetailDTOs": shown}
        return self._next(body, _alibaba)

    # --- Tencent Cloud

    def tencent(self, method: str, target: str, headers: Mapping[str, str], body: bytes) -> tuple[int, Json]:
        fault = self._tc3_fault(method, target, headers, body)
        if fault:
            self.refused.append(fault)
            return 200, _tencent_error(fault)
        self.calls.append(headers["x-tc-action"])
        asked = json.loads(body)
        self.taken.append(asked)
        status = {
            "SerialNo": f"2645:{len(self.taken)}",
            "PhoneNumber": asked["PhoneNumberSet"][0],
            "Fee": 1,
            "SessionContext": asked.get("SessionContext", ""),
            "Code": "Ok",
            "Message": "send success",
            "IsoCode": "CN",
        }
        return self._next({"Response": {"SendStatusSet": [status], "RequestId": "R"}}, _tencent)

    def _tc3_fault(self, method: str, target: str, headers: Mapping[str, str], body: bytes) -> str:
        found = re.fullmatch(
            r"TC3-HMAC-SHA256 Credential=([^/]+)/(\d{4}-\d\d-\d\d)/(\w+)/tc3_request, SignedHeaders=([^,]+), Signature=(\w{64})",
            headers.get("authorization", ""),
        )
        if not found or found[1] != TENCENT_KEY:
            return "AuthFailure.SecretIdNotFound"
        stamp = int(headers["x-tc-timestamp"])
        if abs(time.time() - stamp) > 300 or f"{datetime.fromtimestamp(stamp, UTC):%Y-%m-%d}" != found[2]:
            return "AuthFailure.SignatureExpire"
        if (headers["x-tc-version"], found[3]) != ("2021-01-11", "sms") or not headers.get("x-tc-region"):
            return "NoSuchVersion"
        names = found[4].split(";")
        if not {"content-type", "host"} <= set(names):
            return "AuthFailure.InvalidAuthorization"
        canonical = "\n".join(
            [
                method,
                "/",
                urlsplit(target).query,
                "".join(f"{name}:{headers[name].strip().lower()}\n" for name in names),
                ";".join(names),
                hashlib.sha256(body).hexdigest(),
            ]
        )
        hashed = hashlib.sha256(canonical.encode()).hexdigest()
        text = f"TC3-HMAC-SHA256\n{stamp}\n{found[2]}/{found[3]}/tc3_request\n{hashed}"
        key = f"TC3{TENCENT_SECRET}".encode()
        for part in (found[2], found[3], "tc3_request"):
            key = hmac.digest(key, part.encode(), "sha256")
        signature = hmac.digest(key, text.encode(), "sha256").hex()
        return "" if hmac.compare_digest(signature, found[5]) else "AuthFailure.SignatureFailure"

    def _next(self, success: Json, refusal: Any) -> tuple[int, Json]:
        if not self.answers:
            return 200, success
        answer = self.answers.pop(0)
        return answer if isinstance(answer, tuple) else refusal(answer, success)


def _alibaba(code: str, _success: Json) -> tuple[int, Json]:
    return 200, {
        "Code": code.partition("|")[0],
        "Message": code.partition("|")[2] or "no, 13812345678",
        "RequestId": "R",
    }


def _tencent(code: str, success: Json) -> tuple[int, Json]:
    if code.startswith("whole:"):
        return 200, _tencent_error(code.removeprefix("whole:"))
    success["Response"]["SendStatusSet"][0] |= {"Code": code, "Message": "no, +8613812345678", "SerialNo": ""}
    return 200, success


def _tencent_error(code: str) -> Json:
    return {"Response": {"Error": {"Code": code, "Message": "no, +8613812345678"}, "RequestId": "R"}}


@contextlib.contextmanager
def provider() -> Iterator[Provider]:
    """Both providers on one port: a call with X-TC-Action is Tencent's."""
    made = Provider()

    class Handler(BaseHTTPRequestHandler):
        protocol_version = "HTTP/1.1"

        def do_POST(self) -> None:
            headers = {name.lower(): value for name, value in self.headers.items()}
            made.headers.append(headers)
            body = self.rfile.read(int(headers.get("content-length", 0)))
            whose = made.tencent if "x-tc-action" in headers else made.alibaba
            status, answer = whose("POST", self.path, headers, body)
            if made.hold:
                made.released.wait(60)
            if made.hold or made.drop:
                self.close_connection = True
                return
            sent = answer if isinstance(answer, bytes) else json.dumps(answer).encode()
            self.send_response(status)
            self.send_header("Content-Type", "application/json")
            self.send_header("Content-Length", str(len(sent)))
            if self.close_connection:
                self.send_header("Connection", "close")
            self.end_headers()
            self.wfile.write(sent)

        def log_message(self, format: str, *args: Any) -> None:  # noqa: A002
            pass

    server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    server.daemon_threads = True
    made.url = f"http://127.0.0.1:{server.server_address[1]}"
    thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.01}, daemon=True)
    thread.start()
    try:
        yield made
    finally:
        made.released.set()
        server.shutdown()
        thread.join(20)
        server.server_close()
