"""What is told of an account: codes, security, addresses that do not do any more; and the reminders of visits.

Codes go to an address and never into an inbox.
"""

from notify_svc.texts.parts import Texts

_CODE_ZH = (
    "验证码：{code}\n有效期至：{expires_at}，只能使用一次。\n工作人员不会以任何理由向您索取验证码，请勿告诉任何人。\n"
)
_CODE_EN = (
    "Your code: {code}\nIt can be used once, until {expires_at} (Beijing time).\n"
    "Our staff will never ask you for this code. Do not share it with anyone.\n"
)
_NOT_YOU_ZH = "如果不是您本人操作：请忽略本消息，不必担心，没有验证码无法继续。"
_NOT_YOU_EN = "If this was not you, ignore this message: without the code nothing can be done."

_WHEN_ZH = "时间：{at}\n设备：{device}\n"
_WHEN_EN = "When: {at} (Beijing time)\nDevice: {device}\n"
_ACT_ZH = "如果不是您本人操作：请立即通过“忘记密码”重设密码，并在账号中退出所有登录。"
_ACT_EN = "If it was not you: reset your password at once by “forgot password”, and end all logins in your account."

ACCOUNTS: Texts = {
    # --- codes
    ("code_register", 1, "zh-CN"): ("注册验证码", "您正在注册号源账号。\n" + _CODE_ZH + _NOT_YOU_ZH),
    ("code_register", 1, "en"): (
        "Your code to register",
        "Someone, probably you, is registering with Haoyuan using this address.\n" + _CODE_EN + _NOT_YOU_EN,
    ),
    ("code_login", 1, "zh-CN"): ("登录验证码", "您正在登录号源账号。\n" + _CODE_ZH + _NOT_YOU_ZH),
    ("code_login", 1, "en"): (
        "Your code to log in",
        "Someone, probably you, is logging in to your account.\n" + _CODE_EN + _NOT_YOU_EN,
    ),
    ("code_reset", 1, "zh-CN"): ("重设密码验证码", "您正在重设号源账号的密码。\n" + _CODE_ZH + _NOT_YOU_ZH),
    ("code_reset", 1, "en"): (
        "Your code to reset the password",
        "Someone, probably you, is resetting your account's password.\n" + _CODE_EN + _NOT_YOU_EN,
    ),
    ("code_confirm", 1, "zh-CN"): (
        "联系方式验证码",
        "您正在把此联系方式绑定到号源账号。\n" + _CODE_ZH + _NOT_YOU_ZH,
    ),
    ("code_confirm", 1, "en"): (
        "Your code to confirm this address",
        "Someone, probably you, is adding this address to a Haoyuan account.\n" + _CODE_EN + _NOT_YOU_EN,
    ),
    ("code_export", 1, "zh-CN"): (
        "导出数据验证码",
        "您正在导出号源账号中的个人数据。\n" + _CODE_ZH + _NOT_YOU_ZH,
    ),
    ("code_export", 1, "en"): (
        "Your code to export your data",
        "Someone, probably you, is exporting the personal data of your account.\n" + _CODE_EN + _NOT_YOU_EN,
    ),
    ("code_delete", 1, "zh-CN"): (
        "注销账号验证码",
        "您正在注销号源账号；注销后无法恢复。\n" + _CODE_ZH + _NOT_YOU_ZH,
    ),
    ("code_delete", 1, "en"): (
        "Your code to close your account",
        "Someone, probably you, is closing your account for good.\n" + _CODE_EN + _NOT_YOU_EN,
    ),
    # --- security
    ("security_password_changed", 1, "zh-CN"): ("密码已修改", "您的账号密码已修改。\n" + _WHEN_ZH + _ACT_ZH),
    ("security_password_changed", 1, "en"): (
        "Your password was changed",
        "The password of your account was changed.\n" + _WHEN_EN + _ACT_EN,
    ),
    ("security_password_reset", 1, "zh-CN"): (
        "密码已重设",
        "您的账号密码已通过验证码重设，其他登录均已退出。\n" + _WHEN_ZH + _ACT_ZH,
    ),
    ("security_password_reset", 1, "en"): (
        "Your password was reset",
        "The password of your account was reset by a code, and all other logins have ended.\n" + _WHEN_EN + _ACT_EN,
    ),
    ("security_email_added", 1, "zh-CN"): (
        "邮箱已绑定",
        "您的账号已绑定邮箱，可用于登录、重设密码和接收通知。\n" + _WHEN_ZH + _ACT_ZH,
    ),
    ("security_email_added", 1, "en"): (
        "An e-mail address was added",
        "Your account has an e-mail address now: you can log in and reset your password with it, and e-mails are sent there.\n"
        + _WHEN_EN
        + _ACT_EN,
    ),
    ("security_email_changed", 1, "zh-CN"): (
        "登录邮箱已变更",
        "您账号的邮箱已变更，今后的邮件将发送到新邮箱。\n" + _WHEN_ZH + _ACT_ZH,
    ),
    ("security_email_changed", 1, "en"): (
        "Your e-mail address was changed",
        "The e-mail address of your account was changed: from now on letters go to the new one.\n" + _WHEN_EN + _ACT_EN,
    ),
    ("security_phone_added", 1, "zh-CN"): (
        "手机号已绑定",
        "您的账号已绑定手机号，可用于登录、重设密码和接收短信。\n" + _WHEN_ZH + _ACT_ZH,
    ),
    ("security_phone_added", 1, "en"): (
        "A phone number was added",
        "Your account has a phone number now: you can log in and reset your password with it, and text messages are sent there.\n"
        + _WHEN_EN
        + _ACT_EN,
    ),
    ("security_phone_changed", 1, "zh-CN"): (
        "手机号已变更",
        "您账号的手机号已变更，今后的短信将发送到新号码。\n" + _WHEN_ZH + _ACT_ZH,
    ),
    ("security_phone_changed", 1, "en"): (
        "Your phone number was changed",
        "The phone number of your account was changed: from now on messages go to the new one.\n" + _WHEN_EN + _ACT_EN,
    ),
    ("security_logins_ended", 1, "zh-CN"): (
        "已退出所有登录",
        "您的账号已在所有设备上退出登录。\n" + _WHEN_ZH + "下一步：需要时请重新登录。\n" + _ACT_ZH,
    ),
    ("security_logins_ended", 1, "en"): (
        "All logins have ended",
        "Your account was logged out on all devices.\n" + _WHEN_EN + "Next: log in again when you need it.\n" + _ACT_EN,
    ),
    ("security_token_reused", 1, "zh-CN"): (
        "安全提醒：一处登录已被终止",
        "有人使用了您已失效的登录凭据，为安全起见该处登录已被终止。\n"
        + _WHEN_ZH
        + "下一步：请重新登录；如有疑虑，请修改密码并退出所有登录。",
    ),
    ("security_token_reused", 1, "en"): (
        "For your safety a login was ended",
        "An old credential of one of your logins was used again. It may have been copied, so that login has ended.\n"
        + _WHEN_EN
        + "Next: log in again; if in doubt, change your password and end all logins.",
    ),
    ("security_locked", 1, "zh-CN"): (
        "安全提醒：多次输错密码",
        "有人多次输错您账号的密码，密码登录已暂停片刻。\n"
        + _WHEN_ZH
        + "下一步：稍后再试，或用验证码登录；如果不是您本人操作，请设置更长的密码。",
    ),
    ("security_locked", 1, "en"): (
        "Wrong passwords for your account",
        "Someone entered wrong passwords for your account several times; logging in with a password is paused for a while.\n"
        + _WHEN_EN
        + "Next: try again later, or log in by a code. If it was not you, choose a longer password.",
    ),
    ("security_roles_changed", 1, "zh-CN"): (
        "账号权限已变更",
        "您的账号权限已由管理员变更。\n时间：{at}\n下一步：请重新登录；如有疑问，请联系您所在医院的管理员。",
    ),
    ("security_roles_changed", 1, "en"): (
        "Your roles were changed",
        (
            "An administrator changed the roles of your account.\nWhen: {at} (Beijing time)\n"
            "Next: log in again; ask your hospital's administrator if you did not expect it."
        ),
    ),
    ("security_data_exported", 1, "zh-CN"): (
        "个人数据已导出",
        "您账号中的个人数据已被导出。\n" + _WHEN_ZH + _ACT_ZH,
    ),
    ("security_data_exported", 1, "en"): (
        "Your data was exported",
        "The personal data of your account was exported.\n" + _WHEN_EN + _ACT_EN,
    ),
    ("security_account_deleted", 1, "zh-CN"): (
        "账号已注销",
        "您的账号已注销，不再能登录。\n" + _WHEN_ZH + "仍可退的预约会自动取消，应退款项原路退回。\n"
        "依法须保留的交易记录不再与您本人关联。\n如果不是您本人操作：请立即联系您预约的医院。",
    ),
    ("security_account_deleted", 1, "en"): (
        "Your account has ended",
        "Your account was ended, and nobody can log in to it any more.\n"
        + _WHEN_EN
        + "Appointments that can still be cancelled are cancelled, and money that is due goes back to where it came from.\n"
        "What the law wants kept of payments is kept without your name.\n"
        "If it was not you: tell the hospital that you booked with, at once.",
    ),
    ("security_account_deleted", 2, "zh-CN"): (
        "账号已注销",
        "您的账号已注销，不再能登录。\n"
        + _WHEN_ZH
        + "仍可退的预约会自动取消，应退款项原路退回；在窗口付款的，请凭就诊人证件到收费窗口领取。\n"
        "依法须保留的交易记录不再与您本人关联。\n如果不是您本人操作：请立即联系您预约的医院。",
    ),
    ("security_account_deleted", 2, "en"): (
        "Your account has ended",
        "Your account was ended, and nobody can log in to it any more.\n"
        + _WHEN_EN
        + "Appointments that can still be cancelled are cancelled, and money that is due goes back to where it came from; "
        "if you paid at the counter, collect it there with the patient's document.\n"
        "What the law wants kept of payments is kept without your name.\n"
        "If it was not you: tell the hospital that you booked with, at once.",
    ),
    # --- addresses
    ("address_dead", 1, "zh-CN"): (
        "您的联系方式无法送达",
        "{address_is}无法送达，已停止向其发送。\n停诊、退款等重要通知可能因此无法及时到达。\n下一步：请在账号中更换或重新验证。",
    ),
    ("address_dead", 1, "en"): (
        "We cannot reach you",
        (
            "{address_is} does not take our messages any more, and we no longer send any there.\n"
            "News of stopped sessions and refunds may so come late.\nNext: change it in your account, or confirm it anew."
        ),
    ),
    # --- reminders
    ("visit_tomorrow", 1, "zh-CN"): (
        "就诊提醒：明天",
        (
            "您于 {date} 有 {count} 次就诊：\n{visits}\n"
            "下一步：请按时到院报到，携带就诊人的有效证件（身份证或医保卡）和既往病历。\n"
            "不能前往的，请尽早在号源退号，以免记为爽约。"
        ),
    ),
    ("visit_tomorrow", 1, "en"): (
        "Tomorrow: your appointments",
        (
            "On {date} you have {count} appointment(s):\n{visits}\n"
            "Next: check in on time, with the patient's ID document or insurance card, and earlier records.\n"
            "If you cannot come, cancel as early as you can, so that it does not count as missed."
        ),
    ),
    ("visit_soon", 1, "zh-CN"): (
        "就诊提醒：即将开始",
        "您今天即将有 {count} 次就诊：\n{visits}\n下一步：请按时到院报到，携带就诊人的有效证件（身份证或医保卡）。",
    ),
    ("visit_soon", 1, "en"): (
        "Soon: your appointments",
        (
            "Coming up today, {count} appointment(s):\n{visits}\n"
            "Next: check in on time, with the patient's ID document or insurance card."
        ),
    ),
}
