"""Which real documents are refused, which are flagged, and with which rule."""

from decimal import Decimal

import pytest

from invoicing import capture
from invoicing.capture import rules
from tests.shared_data import folder, ground_truth

FOLDERS = ("en16931", "xrechnung", "oasis-ubl", "mustang-edge", "order-x")
DOCUMENTS = [
    (name, row)
    for name in FOLDERS
    for row in ground_truth(name, documents=("Invoice", "CreditNote"))
]
SOUND = [(n, r) for n, r in DOCUMENTS if r["recomputed"]["consistent"]]
DISAGREEING = [
    (n, r)
    for n, r in DOCUMENTS
    if not r["recomputed"]["consistent"] and not r["file"].startswith("ERR-")
]
ARITHMETIC = {f"BR-CO-{number}" for number in range(10, 18)} | {"PEPPOL-EN16931-R120"}


def checked(name, file):
    captured = capture.read((folder(name) / file).read_bytes())
    return rules.check(captured)


def ids(pairs):
    return [f"{name}/{row['file']}" for name, row in pairs]


@pytest.mark.parametrize(("name", "row"), SOUND, ids=ids(SOUND))
def test_document_whose_figures_agree_is_taken_in(name, row):
    broken = checked(name, row["file"])
    assert [b for b in broken if b.severity == rules.REFUSE] == []
    assert {b.rule for b in broken} & (ARITHMETIC - {"BR-CO-17"}) == set()


@pytest.mark.parametrize(("name", "row"), DISAGREEING, ids=ids(DISAGREEING))
def test_document_whose_figures_disagree_is_flagged_with_the_rule(name, row):
    broken = checked(name, row["file"])
    assert [b for b in broken if b.severity == rules.REFUSE] == []
    figures = [b for b in broken if b.rule in ARITHMETIC]
    assert figures
    assert all(b.expected is not None and b.actual is not None for b in figures)


@pytest.mark.parametrize(
    ("file", "rule", "severity", "actual"),
    [
        ("ERR-2_BII04_minimal_invoice_example_01.xml", "BIIRULE-T10-R002", "flag", None),
        ("ERR-4_BII04_minimal_invoice_example_01.xml", "BIIRULE-T10-R004", "flag", None),
        ("ERR-9_BII04_minimal_VAT_invoice_example_01.xml", "BIIRULE-T10-R009", "refuse", "2"),
        ("ERR-11_BII04_minimal_invoice_example_01.xml", "BR-CO-10", "refuse", Decimal("1430.50")),
        (
            "ERR-18_BII04_minimal_invoice_example_01.xml",
            "BIIRULE-T10-R018",
            "refuse",
            Decimal(1273),
        ),
    ],
)
def test_deliberate_error_is_named(file, rule, severity, actual):
    found = [b for b in checked("oasis-ubl", file) if b.rule == rule]
    assert [(b.severity, b.actual) for b in found] == [(severity, actual)]


def test_disagreements_are_explained():
    """What each of the three header disagreements is, in words and figures."""
    third = {b.rule: b for b in checked("xrechnung", "05.01a-INVOICE_ubl.xml")}["BR-CO-16"]
    assert (third.expected, third.actual) == (Decimal("336.90"), Decimal("366.86"))
    assert "third parties" in third.message
    old = {b.rule: b for b in checked("oasis-ubl", "BII04_minimal_VAT_invoice_example_01.xml")}
    assert "rounding" in old["BR-CO-15"].message
    assert "rounding" in old["BR-CO-16"].message
    credit = {b.rule: b for b in checked("oasis-ubl", "UBL-CreditNote-2.0-Example.xml")}
    assert "allowance" in credit["BR-CO-13"].message
    assert credit["BR-CO-13"].actual - credit["BR-CO-13"].expected == Decimal("-10.00")
