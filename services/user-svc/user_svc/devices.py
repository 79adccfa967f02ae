"""What a browser or an app calls itself (User-Agent), in a few words that people recognise."""

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

UNKNOWN = "another program"
"""What every other one is called: its own name may be whatever its maker wants people to read, in a letter of ours."""


def device_of(user_agent: str) -> str:
    """Such as "Firefox, Windows": words of ours alone. Empty if it does not say."""
    known = [next((name for mark, name in table if mark in user_agent), "") for table in (_PROGRAMS, _SYSTEMS)]
    return ", ".join(filter(None, known)) or (UNKNOWN if user_agent.strip() else "")
