"""What several texts have in common."""

Texts = dict[tuple[str, int, str], tuple[str, str]]
"""(kind, version, locale) -> title and text."""

VISIT_ZH = "{hospital} {department} {doctor}（{doctor_title}）\n就诊时间：{date} {period} {segment}\n地点：{room}\n"
VISIT_EN = "{doctor} ({doctor_title}), {department}, {hospital}\nWhen: {date}, {segment} ({period})\nRoom: {room}\n"
