"""What a browser or an app calls itself (User-Agent), in a few words that people recognise."""

import re

LONGEST = 40  # characters

_PROGRAMS = (
    ("MicroMessenger", "WeChat"),
    ("AlipayClient", "Alipay"),
    ("HuaweiBrowser", "Huawei Browser"),
    ("MiuiBrowser", "Mi Browser"),
    ("QQBrowser", "QQ Browser"),
    ("UCBrowser", "UC Browser"),
    ("SamsungBrowser", "Samsung Internet"),
    ("OPR/", "Opera"),
    ("Edg", "Edge"),
    ("Firefox/", "Firefox"),
    ("FxiOS/", "Firefox"),
    ("CriOS/", "Chrome"),
    ("Chrome/", "Chrome"),
    ("Safari/", "Safari"),
)
"""In this order: most of them claim to be the ones below, too."""

_SYSTEMS = (
    ("HarmonyOS", "HarmonyOS"),
    ("OpenHarmony", "HarmonyOS"),
    ("iPhone", "iPhone"),
    ("iPad", "iPad"),
    ("Android", "Android"),
    ("Windows", "Windows"),
    ("Mac OS X", "Mac"),
    ("Linux", "Linux"),
)

_PRODUCT = re.compile(r"[A-Za-z][\w.+-]*", re.ASCII)


def device_of(user_agent: str) -> str:
    """Such as "Firefox, Windows"; of others the name of the program; empty if it does not say."""
    known = [next((name for mark, name in table if mark in user_agent), "") for table in (_PROGRAMS, _SYSTEMS)]
    if any(known):
        return ", ".join(filter(None, known))
    program = _PRODUCT.match(user_agent)
    return program[0][:LONGEST] if program else ""
