"""The page: what people see, in both languages; and that a letter can do nothing to who looks at it."""

import re
import urllib.error
import urllib.request

import pytest
from mailbox_rig import PHONE, a_letter, mailer, send_alibaba

EVIL = "<script>alert(1)</script>"


def get(mailbox, path, language="zh-CN"):
    asked = urllib.request.Request(f"{mailbox.url}{path}", headers={"Accept-Language": language})
    try:
        with urllib.request.urlopen(asked, timeout=20) as answer:
            return answer.status, answer.headers, answer.read().decode()
    except urllib.error.HTTPError as error:
        with error:
            return error.code, error.headers, error.read().decode()


@pytest.fixture
def letters(mailbox):
    with mailer(mailbox) as client:
        client.send_message(a_letter(calendar="BEGIN:VCALENDAR\r\n", html=f"<p>{EVIL}</p>"))
        client.send_message(a_letter("wu@example.com", EVIL, f"{EVIL} code 654321"))
    send_alibaba(mailbox)
    return mailbox


def test_an_empty_one_says_so(mailbox):
    assert "还没有消息" in get(mailbox, "/")[2]
    assert "Nothing has arrived yet" in get(mailbox, "/", "en-GB,en;q=0.9")[2]
    assert "Nothing has arrived yet" in get(mailbox, "/?lang=en")[2]


def test_the_newest_stands_first_and_codes_are_seen_at_once(letters):
    text = get(letters, "/")[2]
    assert re.findall(r'href="/message/(\d)"', text) == ["3", "2", "1"]
    assert re.findall(r"</span> (\d{6})</strong>", text) == ["123456", "654321"]
    assert "日历文件" in text
    assert re.search(r'http-equiv="refresh" content="\d+"', text)


@pytest.mark.parametrize(
    ("query", "found"),
    [
        ("channel=sms", ["3"]),
        ("channel=email", ["2", "1"]),
        (f"to={PHONE}", ["3"]),
        ("to=Wu@example.com", ["2"]),
        ("to=x", []),
    ],
)
def test_it_can_be_narrowed(letters, query, found):
    assert re.findall(r'href="/message/(\d)', get(letters, f"/?{query}")[2]) == found


def test_one_letter_shows_text_headers_and_files(letters):
    status, _, text = get(letters, "/message/1")
    assert status == 200
    for shown in ("预约成功", "您的预约已成功。", "li@example.com", "&lt;key1@haoyuan.example&gt;", "visit.ics"):
        assert shown in text
    _, headers, content = get(letters, re.search(r'href="(/message/1/file/\d)"', text)[1])
    assert headers["Content-Type"] == "text/calendar; charset=utf-8"
    assert headers["Content-Disposition"] == "attachment; filename*=UTF-8''visit.ics"
    assert content.strip() == "BEGIN:VCALENDAR"
    assert "123456" in get(letters, "/message/3", "en")[2]


@pytest.mark.parametrize("path", ["/message/9", "/message/1/file/9", "/message/9/html", "/message/9/file/0"])
def test_what_is_not_there_is_not_found(letters, path):
    assert get(letters, path)[0] == 404


@pytest.mark.parametrize(
    "path", ["/", "/message/1", "/message/2", "/message/3", "/?to=%22%3E%3Cscript%3E", "/message/9"]
)
def test_nothing_runs_and_nothing_is_fetched_from_elsewhere(letters, path):
    _, headers, text = get(letters, path)
    policy = dict(rule.split(" ", 1) for rule in headers["Content-Security-Policy"].split("; "))
    assert policy["default-src"] == "'none'"
    assert "script-src" not in policy
    assert policy["style-src"] == policy["form-action"] == "'self'"
    assert headers["X-Content-Type-Options"] == "nosniff"
    assert headers["Cache-Control"] == "no-store"
    assert "<script" not in text
    assert "style=" not in text
    assert not re.search(r'(?:src|href|action)="(?:https?:)?//', text)


def test_a_letters_own_html_is_in_a_box_that_can_do_nothing(letters):
    assert re.search(r'<iframe sandbox src="/message/1/html"', get(letters, "/message/1")[2])
    _, headers, text = get(letters, "/message/1/html")
    assert EVIL in text
    assert "sandbox" in headers["Content-Security-Policy"].split("; ")
    assert headers["Content-Security-Policy"].startswith("default-src 'none'")


def test_a_language_that_was_asked_for_stays(letters):
    text = get(letters, "/?lang=en&channel=sms")[2]
    assert '<html lang="en">' in text
    assert 'href="/message/3?lang=en"' in text
    assert 'href="?lang=zh-CN&amp;channel=sms"' in text or 'href="?channel=sms&amp;lang=zh-CN"' in text


def test_it_says_whether_it_is_well(mailbox):
    assert get(mailbox, "/healthz")[0] == 200
    mailbox.receipts.stop()
    assert get(mailbox, "/healthz")[0] == 503
