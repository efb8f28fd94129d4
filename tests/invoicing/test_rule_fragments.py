"""Unit tests of the EN 16931 rules: each fragment passes or breaks the rule it names."""

import json

import pytest
from lxml import etree

from core.xml import parse
from invoicing.capture import rules, ubl
from tests.shared_data import SHARED, folder

# Rules of these tests that are not implemented, with the reason.
NOT_IMPLEMENTED = {
    "BR-52": "supporting documents are kept as attachments, their references are not read",
    "BR-54": "item attributes are not read",
    "BR-65": "item classifications are not read",
    "BR-CL-03": "code lists are not checked here: currency is, when the invoice is booked",
    "BR-CL-04": "as BR-CL-03",
    "BR-CL-06": "code lists are not checked here",
    "BR-CL-10": "code lists are not checked here",
    "BR-CL-11": "code lists are not checked here",
    "BR-CL-14": "code lists are not checked here",
    "BR-CL-16": "code lists are not checked here",
    "BR-CL-17": "code lists are not checked here",
    "BR-CL-18": "code lists are not checked here",
    "BR-CL-19": "code lists are not checked here",
    "BR-CL-21": "code lists are not checked here",
    "BR-CL-23": "code lists are not checked here",
    "BR-CL-24": "code lists are not checked here",
    "UBL-DT-06": "binding rule of attachments, which are not read",
    "UBL-DT-07": "binding rule of attachments, which are not read",
    "UBL-SR-18": "binding rule of the buyer's contact, which is not booked",
    "UBL-SR-42": "binding rule: a tax scheme twice; the first VAT registration counts",
    "UBL-SR-44": "binding rule: payment ids that differ; they are not booked",
    "UBL-SR-47": "binding rule: several payment means codes; each is read",
}


def cases():
    index = SHARED / "en16931-rules" / "rule-tests.json"
    if not index.is_file():
        return []
    tests = json.loads(index.read_text("utf-8"))["tests"]
    return [
        (test["id"], test["file"], test["test_index"], rule, verdict)
        for test in tests
        if test["file"].startswith(("INV-", "CN-"))
        for verdict in ("pass", "fail")
        for rule in test["expect"].get(verdict, [])
    ]


CASES = cases()
RUN = [case for case in CASES if case[3] in rules.IMPLEMENTED]


def fragment(file: str, index: int) -> etree._Element:
    root = parse((folder("en16931-rules") / file).read_bytes())
    found = [
        child
        for test in root.findall("{*}test")
        for child in test
        if etree.QName(child).localname in ("Invoice", "CreditNote")
    ]
    return parse(etree.tostring(found[index - 1]))


def test_the_fragments_are_here():
    folder("en16931-rules")
    assert len(RUN) > 550
    assert {case[3] for case in CASES} - rules.IMPLEMENTED == set(NOT_IMPLEMENTED)


@pytest.mark.parametrize(
    ("file", "index", "rule", "verdict"),
    [case[1:] for case in RUN],
    ids=[f"{case[0]}-{case[3]}-{case[4]}" for case in RUN],
)
def test_fragment(file, index, rule, verdict):
    broken = {b.rule for b in rules.broken_rules(ubl.read(fragment(file, index)))}
    assert (rule in broken) == (verdict == "fail")
