"""Two invented hospitals, eight departments, thirty doctors, and their sessions of the next two weeks.

The same day gives the same roster. Numbers that hospitals sell at their own windows are `blocked`, which makes some
sessions nearly full. Sessions of the second week are not released yet; the health lecture is free of charge.
"""

import random
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import date, datetime, time, timedelta
from typing import Any

from common.clock import SHANGHAI

DAYS = 14
RELEASED_DAYS = 7
"""Numbers are released seven days ahead at 07:00, as many hospitals do."""


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


FEES = {"主任医师": 8000, "副主任医师": 6000, "主治医师": 5000, "住院医师": 1000}
PERIODS = {"morning": (time(8), time(12)), "afternoon": (time(13, 30), time(17)), "evening": (time(18), time(20))}
SEGMENT = timedelta(minutes=30)

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
    ),
)


def rosters(today: date) -> Iterator[dict[str, Any]]:
    """One roster for each hospital, as it would publish it."""
    for hospital in HOSPITALS:
        yield {
            "hospital": {
                "code": hospital.code,
                "name": hospital.name,
                "grade": hospital.grade,
                "address": hospital.address,
                "version": 1,
            },
            "departments": [{"code": code, "name": name, "version": 1} for code, name in hospital.departments.items()],
            "doctors": [
                {
                    "code": _doctor_code(i),
                    "name": d.name,
                    "title": d.title,
                    "department": d.department,
                    "specialty": d.specialty,
                    "version": 1,
                }
                for i, d in enumerate(hospital.doctors)
            ],
            "sessions": list(_sessions(hospital, today)),
        }


def _doctor_code(index: int) -> str:
    return f"D{index + 1:03d}"


def _sessions(hospital: Hospital, today: date) -> Iterator[dict[str, Any]]:
    for offset in range(DAYS):
        day = today + timedelta(days=offset)
        for index, doctor in enumerate(hospital.doctors):
            for period in _periods(index, day):
                yield _session(hospital, index, doctor, day, period)
        if day.weekday() == 5:
            yield _lecture(hospital, day)


def _periods(index: int, day: date) -> list[str]:
    """Each doctor has two or three half days a week, and somebody is there on every day of it."""
    turn = (index + day.weekday()) % 5
    if day.weekday() == 6:
        return ["morning"] if index % 5 == 0 else []
    return {0: ["morning"], 1: ["afternoon"], 2: ["morning"] if index % 2 else []}.get(turn, [])


def _session(hospital: Hospital, index: int, doctor: Doctor, day: date, period: str) -> dict[str, Any]:
    code = f"{_doctor_code(index)}-{day:%Y%m%d}-{period}"
    dice = random.Random(f"{hospital.code}/{code}")  # noqa: S311  a roster is no secret
    nearly_full = dice.random() < 0.2
    slots = []
    for start, end in _segments(day, period):
        capacity = dice.choice((4, 5, 6))
        slots.append(
            {"starts_at": start, "ends_at": end, "capacity": capacity, "blocked": capacity - 1 if nearly_full else 0}
        )
    return {
        "code": code,
        "doctor": _doctor_code(index),
        "date": day.isoformat(),
        "period": period,
        "room": f"{dice.choice('ABC')}{dice.randint(101, 420)} 诊室",
        "fee": {"amount": FEES[doctor.title], "currency": "CNY"},
        "release_at": _at(day - timedelta(days=RELEASED_DAYS), time(7)),
        "slots": slots,
        "version": 1,
    }


def _lecture(hospital: Hospital, day: date) -> dict[str, Any]:
    """Saturday evening's consultation is free (义诊)."""
    index = len(hospital.doctors) - 1
    segments = list(_segments(day, "evening"))
    return {
        "code": f"{_doctor_code(index)}-{day:%Y%m%d}-evening-free",
        "doctor": _doctor_code(index),
        "date": day.isoformat(),
        "period": "evening",
        "room": "一层大厅（义诊）",
        "fee": {"amount": 0, "currency": "CNY"},
        "release_at": _at(day - timedelta(days=DAYS), time(7)),
        "slots": [{"starts_at": s, "ends_at": e, "capacity": 10, "blocked": 0} for s, e in segments],
        "version": 1,
    }


def _segments(day: date, period: str) -> Iterator[tuple[str, str]]:
    start, end = (datetime.combine(day, t, SHANGHAI) for t in PERIODS[period])
    while start < end:
        yield start.isoformat(), (start + SEGMENT).isoformat()
        start += SEGMENT


def _at(day: date, hour: time) -> str:
    return datetime.combine(day, hour, SHANGHAI).isoformat()
