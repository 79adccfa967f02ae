"""What stands around a text in an e-mail."""

GREETING = {"zh-CN": "您好：", "en": "Hello,"}

FOOTER = {
    "zh-CN": "—\n号源 · 预约挂号\n本邮件由系统自动发出，请勿回复。",
    "en": "—\nHaoyuan · appointments\nThis letter was sent by a machine: please do not answer it.",
}

OPT_OUT = {
    "zh-CN": "不想再收到此类邮件：打开下面的页面并确认，或在账号的通知设置中关闭。\n{unsubscribe}",
    "en": "To get no more letters of this kind: open this page and confirm, or switch them off in your account.\n{unsubscribe}",
}
"""Where one may opt out. The page asks first: mail scanners follow links."""

MUST = {
    "zh-CN": "此类通知关系到您的账号或就诊，不能关闭。",
    "en": "Letters of this kind are about your account or your visits, and cannot be switched off.",
}
