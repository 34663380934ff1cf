"""Reads texts with Python's own csv and json, one JSON object a line, and says what came of each.

{"csv": TEXT, "delimiter": ",", "quote": true, "escape": null}  ->  the rows, or null where they are rejected
{"jsonl": TEXT, "ours": ["{…}", …]}                             ->  whether these are the same records
"""

import csv
import io
import json
import sys
from decimal import Decimal

csv.field_size_limit(1 << 30)


def read_csv(case):
    quoting = csv.QUOTE_MINIMAL if case["quote"] else csv.QUOTE_NONE
    text = io.StringIO(case["csv"], newline="")
    reader = csv.reader(
        text, strict=True, delimiter=case["delimiter"], quoting=quoting, escapechar=case["escape"]
    )
    try:
        return [row for row in reader if row]
    except csv.Error:
        return None


def no_such_value(name):
    raise ValueError(name)


def read_json(text):
    return json.loads(text, parse_float=Decimal, parse_int=Decimal, parse_constant=no_such_value)


def is_same(case):
    text = case["jsonl"]
    end = "\r" if "\r" in text and "\n" not in text else "\n"
    lines = (line.strip(" \t\r\n\f").removeprefix("\ufeff") for line in text.split(end))
    try:
        theirs = [read_json(line) for line in lines if line.strip()]
    except (ValueError, ArithmeticError):
        return False
    return theirs == [read_json(line) for line in case["ours"]]


for line in sys.stdin:
    case = json.loads(line)
    print(json.dumps(read_csv(case) if "csv" in case else is_same(case)))
