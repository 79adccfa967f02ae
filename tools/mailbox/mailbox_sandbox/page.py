"""The page of what arrived, for people. No script; nothing from elsewhere; in Chinese and English."""

from datetime import datetime
from urllib.parse import quote, urlencode

from flask import Blueprint, Response, render_template, request

from mailbox_sandbox.box import Box
from mailbox_sandbox.control import address
from mailbox_sandbox.parts import Message
from mailbox_sandbox.sms import BEIJING

MOST = 100  # messages on the page
EVERY = 6  # seconds between two looks of the list
POLICY = "default-src 'none'; style-src 'self'; form-action 'self'; frame-src 'self'; base-uri 'none'; frame-ancestors 'none'"
POLICY_OF_LETTERS = "default-src 'none'; style-src 'unsafe-inline'; sandbox; base-uri 'none'; frame-ancestors 'self'"
"""Of an e-mail's own HTML: it may look as it likes, and can do nothing and fetch nothing."""

WORDS = {
    "title": ("模拟信箱", "Mailbox"),
    "note": (
        "开发用信箱：邮件和短信都到这里，不会真的发出",
        "For development: e-mails and SMS end here, nothing is really sent",
    ),
    "all": ("全部", "All"),
    "email": ("邮件", "E-mail"),
    "sms": ("短信", "SMS"),
    "search": ("收件人", "Sent to"),
    "find": ("查找", "Find"),
    "none": ("还没有消息", "Nothing has arrived yet"),
    "none_more": (
        "注册、登录或预约后，发给患者的消息会出现在这里。",
        "What patients are told when they register, log in or book appears here.",
    ),
    "from": ("发件人", "From"),
    "to": ("收件人", "To"),
    "at": ("时间", "At"),
    "code": ("验证码", "Code"),
    "back": ("返回列表", "Back to the list"),
    "files": ("附件", "Attachments"),
    "calendar": ("日历文件", "Calendar file"),
    "save": ("下载", "Download"),
    "text": ("正文", "Text"),
    "html": ("网页正文", "As a web page"),
    "headers": ("邮件头", "Headers"),
    "details": ("技术信息", "Technical details"),
    "provider": ("通道", "Through"),
    "template": ("模板", "Template"),
    "variables": ("变量", "Variables"),
    "key": ("发送方编号", "Sender's key"),
    "reference": ("流水号", "Reference"),
    "state": ("状态", "State"),
    "accepted": ("已受理", "Accepted"),
    "delivered": ("已送达", "Delivered"),
    "failed": ("未送达", "Not delivered"),
    "unknown": ("没有这条消息", "There is no such message"),
    "latest": ("最近 {n} 条", "The latest {n}"),
    "smtp": ("SMTP", "SMTP"),
    "alibaba": ("阿里云短信", "Alibaba Cloud SMS"),
    "tencent": ("腾讯云短信", "Tencent Cloud SMS"),
}


class Saying:
    """The words of one language, for a template; and links that stay in it."""

    def __init__(self) -> None:
        self.language = _language()
        self._english = self.language == "en"

    def __call__(self, word: str) -> str:
        return WORDS[word][self._english]

    def at(self, seconds: float) -> str:
        """A time, as people in Beijing read it."""
        return f"{datetime.fromtimestamp(seconds, BEIJING):%Y-%m-%d %H:%M:%S}"

    def link(self, path: str, **more: str) -> str:
        """A page, with this language if it was asked for, and `more` that is not empty."""
        asked = {name: value for name, value in more.items() if value}
        if "lang" in request.args and "lang" not in asked:
            asked["lang"] = self.language
        return f"{path}?{urlencode(asked)}" if asked else path


def blueprint(box: Box) -> Blueprint:
    """/: the list; /message/<id>: one of them, its files, its HTML."""
    pages = Blueprint("page", __name__)

    @pages.get("/")
    def everything() -> Response:
        channel = request.args.get("channel", "")
        channel = channel if channel in {"email", "sms"} else ""
        to = request.args.get("to", "").strip()
        found = box.messages(to=address(to), channel=channel, newest=True, most=MOST)
        return _page("list.html", messages=found, channel=channel, to=to, every=EVERY, most=MOST)

    @pages.get("/message/<int:number>")
    def one(number: int) -> Response:
        message = box.message(number)
        if message is None:
            return _page("unknown.html", 404)
        return _page("message.html", message=message, subject=subject(message))

    @pages.get("/message/<int:number>/html")
    def html(number: int) -> Response:
        message = box.message(number)
        answer = Response(
            message.html if message else "", 200 if message else 404, content_type="text/html; charset=utf-8"
        )
        return _closed(answer, POLICY_OF_LETTERS)

    @pages.get("/message/<int:number>/file/<int:place>")
    def file(number: int, place: int) -> Response:
        """Always to be saved, and never as what a browser would run."""
        message = box.message(number)
        if message is None or place >= len(message.files):
            return _page("unknown.html", 404)
        found = message.files[place]
        kind = "text/calendar; charset=utf-8" if found.kind == "text/calendar" else "application/octet-stream"
        answer = Response(found.content, content_type=kind)
        answer.headers["Content-Disposition"] = f"attachment; filename*=UTF-8''{quote(found.name, safe='')}"
        return _closed(answer, POLICY_OF_LETTERS)

    return pages


def subject(message: Message) -> str:
    """What stands in one line for it."""
    return message.subject or message.text.strip().partition("\n")[0] or message.template


def _page(template: str, status: int = 200, **shown: object) -> Response:
    say = Saying()
    others = {name: value for name, value in request.args.items() if name != "lang"}
    text = render_template(template, say=say, line=subject, others=others, **shown)
    answer = Response(text, status, content_type="text/html; charset=utf-8")
    answer.headers["Content-Language"] = say.language
    answer.headers["Vary"] = "Accept-Language"
    return _closed(answer, POLICY)


def _closed(answer: Response, policy: str) -> Response:
    answer.headers["Content-Security-Policy"] = policy
    answer.headers["Referrer-Policy"] = "no-referrer"
    answer.headers["X-Content-Type-Options"] = "nosniff"
    answer.headers["Cache-Control"] = "no-store"
    return answer


def _language() -> str:
    """`zh-CN` or `en`: as `lang` asks, else as the browser does."""
    asked = request.args.get("lang", "")
    if asked in {"zh-CN", "en"}:
        return asked
    best = request.accept_languages.best_match(["zh-CN", "zh", "en"], "zh-CN")
    return "en" if best == "en" else "zh-CN"
