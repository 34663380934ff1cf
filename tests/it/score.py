"""Scores an output again, with nothing of promptmill's, and compares: score.py FOLDER."""

import json
import math
import re
import sys
from collections import defaultdict
from pathlib import Path
from statistics import NormalDist

Z = NormalDist().inv_cdf(0.975)
folder = Path(sys.argv[1])
records = [json.loads(line) for line in open(folder / "out.jsonl", encoding="utf-8")]
report = json.load(open(folder / "report.json", encoding="utf-8"))
verdicts = [json.loads(line) for line in open(folder / "out.scores.jsonl", encoding="utf-8")]


def number(text):
    found = re.findall(r"-?\d[\d,]*(?:\.\d+)?", text)
    return float(found[-1].replace(",", "")) if found else None


CHECKS = {
    "number": lambda r: number(r["completion"]) == float(r["metadata"]["answer"]),
    "near": lambda r: abs(number(r["completion"]) - float(r["metadata"]["answer"])) <= 1,
    "short": lambda r: len(r["completion"]) <= 8,
}


def close(ours, theirs, what):
    assert abs(ours - theirs) <= 1e-9 * max(1, abs(theirs)), (what, ours, theirs)


# Every verdict.
expected = iter((r, name, check(r)) for r in records for name, check in CHECKS.items())
for verdict, (record, name, passed) in zip(verdicts, expected, strict=True):
    key = (verdict["custom_id"], verdict["variant"], verdict["sample"], verdict["check"])
    assert key == (record["custom_id"], record["variant"], record["sample"], name), key
    assert verdict["pass"] == passed, (verdict, record)

# Every figure.
rows = defaultdict(lambda: defaultdict(list))
for record in records:
    for name, check in CHECKS.items():
        rows[record["variant"], name][record["custom_id"]].append(check(record))
for score in report["scores"]:
    of = rows[score["variant"], score["check"]]
    n = sum(len(samples) for samples in of.values())
    passed = sum(sum(samples) for samples in of.values())
    assert (score["n"], score["passed"]) == (n, passed)
    rate = passed / n
    close(score["pass_rate"], rate, "rate")
    residuals = [sum(samples) - rate * len(samples) for samples in of.values()]
    g = len(of)
    half = Z * math.sqrt(g / (g - 1) * sum(r * r for r in residuals)) / n
    low, high = score["interval_95"]
    close(low, max(0, rate - half), "low")
    close(high, min(1, rate + half), "high")
    for k, found in enumerate(score["pass_at"], 1):
        each = [
            1 - math.comb(len(s) - sum(s), k) / math.comb(len(s), k) for s in of.values()
        ]
        close(found, sum(each) / g, f"pass@{k}")
for comparison in report["comparison"]:
    check = comparison["check"]
    a, more = rows["b", check], rows["a", check]
    b = {row: a[row] + more[row] for row in a}
    d = [sum(b[row]) / len(b[row]) - sum(a[row]) / len(a[row]) for row in a]
    mean = sum(d) / len(d)
    close(comparison["difference"], mean, "difference")
    spread = math.sqrt(sum((x - mean) ** 2 for x in d) / (len(d) - 1) / len(d))
    close(comparison["interval_95"][0], mean - Z * spread, "low of differences")
    close(comparison["interval_95"][1], mean + Z * spread, "high of differences")
print(f"{len(verdicts)} verdicts and {len(report['scores'])} groups agree")
