"""The README tells the truth."""

import ast
import re
from pathlib import Path

from haoyuan_roster.cli import main
from haoyuan_roster.columns import COLUMNS
from haoyuan_roster.hours import AFTERNOON, EVENING, MORNING, Shift, parse_hours, shown
from haoyuan_roster_format import CODES

TOOL = Path(__file__).parent.parent
README = (TOOL / "README.md").read_text(encoding="utf-8")


def test_its_roster_is_a_good_one(tmp_path, capsys):
    (example,) = re.findall(r"```csv\n(.*?)```", README, re.DOTALL)
    path = tmp_path / "roster.csv"
    for encoding in ("utf-8", "gbk"):
        path.write_text(example, encoding=encoding)
        assert main(["validate", str(path)]) == 0
        assert "1 department, 2 doctors, 206 sessions; 0 errors, 0 warnings" in capsys.readouterr().out


def test_it_names_every_column_in_both_languages_and_no_other():
    rows = re.findall(r"^\| (`[a-z_`, ]+) \| ([^|]*) \|", README.partition("**Working hours**")[0], re.MULTILINE)
    told = [
        (name, chinese)
        for names, titles in rows
        for name, chinese in zip(re.findall(r"`(.*?)`", names), titles.strip().split(", "), strict=True)
    ]
    assert told == [(column.name, column.chinese) for column in COLUMNS]


def test_its_working_hours_are_understood():
    (examples,) = re.findall(r"separated by `;` or `,`:\n(.*)\.\n", README)
    texts = re.findall(r"`(.*?)`", examples)
    assert len(texts) == 6
    assert all(parse_hours(text) for text in texts)
    for name, part in (("上午", MORNING), ("下午", AFTERNOON), ("晚上", EVENING)):
        assert f"{name} {shown(Shift(0, *part))}" in README


def _codes_said():
    place = {"Refused": 0, "Unusable": 1, "Note": 1}
    for file in (TOOL / "haoyuan_roster").glob("*.py"):
        for node in ast.walk(ast.parse(file.read_text(encoding="utf-8"))):
            if isinstance(node, ast.Call) and isinstance(node.func, ast.Name) and node.func.id in place:
                for code in node.args[place[node.func.id] :][:1]:
                    if isinstance(code, ast.Constant):
                        yield code.value


def test_it_explains_every_code_that_the_tool_says_by_itself():
    said = set(_codes_said())
    assert {"bad_time", "bad_encoding", "duplicate", "not_csv"} <= said
    table = README.partition("## What is found")[2].partition("## Publishing")[0]
    told = set(re.findall(r"`([a-z0-9_]+)`", table))
    assert said - told == {"usage", "wrong_hospital"}  # these are no findings
    assert {"bad_times", "bad_draw", "blocked_above_capacity", "wrong_date"} <= told & set(CODES)
