"""Two invented hospitals: eight departments, thirty doctors, and the rules of each, as such hospitals publish them.

The first keeps to Beijing's limits, the second is stricter on no-shows and lets a freed number rest for some seconds only. Their
cool-downs are short, so that the walk-through can be repeated.
"""

from dataclasses import dataclass
from typing import Any


@dataclass(frozen=True)
class Doctor:
    name: str
    title: str
    department: str
    specialty: str


@dataclass(frozen=True)
class Hospital:
    code: str
    name: str
    grade: str
    address: str
    departments: dict[str, str]
    doctors: tuple[Doctor, ...]
    famous: str
    """Whose evening clinic everybody wants: its numbers are drawn by lot."""
    policy: str
    """Of that draw."""
    urgent: str
    """Who sees urgent cases every evening; "" where nobody does."""
    rules: dict[str, Any]


GUEST = Doctor("高晴", "主治医师", "cardio", "高血压、心悸")
"""Works at the first hospital, at whatever hour somebody looks at the demo."""
HOSPITALS = (
    Hospital(
        "renji",
        "仁济示范医院",
        "三级甲等",
        "北京市东城区示范路 1 号",
        {"cardio": "心血管内科", "neuro": "神经内科", "ortho": "骨科", "peds": "儿科"},
        (
            Doctor("王立群", "主任医师", "cardio", "冠心病、高血压"),
            Doctor("李秀兰", "主任医师", "cardio", "心律失常"),
            Doctor("赵国强", "副主任医师", "cardio", "心力衰竭"),
            Doctor("陈晓东", "主治医师", "cardio", "常见心血管病"),
            Doctor("刘建华", "主任医师", "neuro", "脑血管病"),
            Doctor("孙丽萍", "副主任医师", "neuro", "头痛、眩晕"),
            Doctor("周明", "副主任医师", "neuro", "帕金森病"),
            Doctor("吴敏", "主治医师", "neuro", "睡眠障碍"),
            Doctor("郑海涛", "主任医师", "ortho", "关节置换"),
            Doctor("冯志刚", "副主任医师", "ortho", "脊柱外科"),
            Doctor("蒋文博", "主治医师", "ortho", "运动损伤"),
            Doctor("韩雪梅", "主任医师", "peds", "儿童呼吸"),
            Doctor("杨帆", "副主任医师", "peds", "儿童消化"),
            Doctor("朱琳", "主治医师", "peds", "儿童保健"),
            Doctor("秦悦", "住院医师", "peds", "普通儿科"),
        ),
        famous="王立群",
        policy="lottery",
        urgent="朱琳",
        rules={
            "limits": [
                {"most": 1, "of": "doctor", "per": "day"},
                {"most": 3, "of": "hospital", "per": "day", "counting": "departments"},
                {"most": 14, "of": "hospital", "per": "week"},
                {"most": 20, "of": "hospital", "per": "month"},
                {"most": 30, "of": "hospital", "per": "quarter"},
            ],
            "cancel": {"hours": 12},
            "hold_minutes": 15,
            "cool_down": {"unpaid_seconds": 5, "confirmed_seconds": 5},
        },
    ),
    Hospital(
        "tongde",
        "同德示范医院",
        "三级甲等",
        "上海市黄浦区示范街 88 号",
        {"derm": "皮肤科", "ophth": "眼科", "obgyn": "妇产科", "gp": "全科医学科"},
        (
            Doctor("许静", "主任医师", "derm", "银屑病"),
            Doctor("何伟", "副主任医师", "derm", "湿疹、荨麻疹"),
            Doctor("吕芳", "主治医师", "derm", "痤疮"),
            Doctor("张子墨", "主治医师", "derm", "皮肤外科"),
            Doctor("曹永康", "主任医师", "ophth", "白内障"),
            Doctor("谢婷", "副主任医师", "ophth", "青光眼"),
            Doctor("董磊", "主治医师", "ophth", "屈光不正"),
            Doctor("袁梦", "主治医师", "ophth", "小儿眼病"),
            Doctor("沈玉珍", "主任医师", "obgyn", "高危妊娠"),
            Doctor("彭佳", "副主任医师", "obgyn", "妇科肿瘤"),
            Doctor("魏兰", "主治医师", "obgyn", "产前检查"),
            Doctor("潘婉清", "主治医师", "obgyn", "妇科内分泌"),
            Doctor("田野", "副主任医师", "gp", "慢病管理"),
            Doctor("任杰", "主治医师", "gp", "常见病"),
            Doctor("方圆", "住院医师", "gp", "健康咨询"),
        ),
        famous="沈玉珍",
        policy="weighted",
        urgent="",
        rules={
            "limits": [
                {"most": 1, "of": "doctor", "per": "day"},
                {"most": 2, "of": "hospital", "per": "day"},
            ],
            "window": {"days_ahead": 14, "opens_at": "06:30"},
            "cancel": {"days": 1, "at": "17:00"},
            "hold_minutes": 30,
            "cool_down": {"unpaid_seconds": 5, "confirmed_seconds": 60},
            "rest": {"least_seconds": 5, "most_seconds": 15},
            "penalties": [{"kind": "no_show", "count": 3, "within_days": 183, "blocked_days": 180}],
            "follow_up_days": 60,
        },
    ),
)
