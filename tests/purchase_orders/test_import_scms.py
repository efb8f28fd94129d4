"""`import_scms`: real orders, to the cent, once; a bad row is named and the rest goes in."""

import csv
import json
from decimal import Decimal
from io import StringIO
from pathlib import Path

import pytest
from django.core.management import CommandError, call_command
from django.db.models import Count, Sum

from budgets.models import LedgerEntry
from core.models import OutboxItem, TrailEvent
from core.trail import verify
from purchase_orders import queries, scms
from purchase_orders.models import (
    PurchaseOrder,
    PurchaseOrderLine,
    Receipt,
    ReceiptLine,
)
from tests.factories import NOW, Organisation
from tests.purchase_orders.making import held
from tests.shared_data import folder
from vendors.models import Vendor

COLUMNS = [
    *("ID", "PO / SO #", "ASN/DN #", "Country", "Vendor INCO Term", "PO Sent to Vendor Date"),
    *("Delivered to Client Date", "Product Group", "Vendor", "Item Description"),
    *("Line Item Quantity", "Line Item Value", "Pack Price"),
]
GOOD = {
    "ID": "1",
    "PO / SO #": "SCMS-7",
    "ASN/DN #": "ASN-1",
    "Country": "Zambia",
    "Vendor INCO Term": "EXW",
    "PO Sent to Vendor Date": "Date Not Captured",
    "Delivered to Client Date": "02-Jun-06",
    "Product Group": "HRDT",
    "Vendor": "Trinity Biotech, Plc",
    "Item Description": "HIV test kit",
    "Line Item Quantity": "19",
    "Line Item Value": "1520.00",
    "Pack Price": "80.00",
}


def written(path: Path, *rows: dict[str, str]) -> Path:
    """A file of GOOD rows with these cells changed."""
    with (path / "history.csv").open("w", encoding="utf-8-sig", newline="") as file:
        writer = csv.DictWriter(file, COLUMNS)
        writer.writeheader()
        for number, row in enumerate(rows, 1):
            writer.writerow({**GOOD, "ID": str(number), **row})
    return path / "history.csv"


def run(file: Path) -> tuple[str, str]:
    out, err = StringIO(), StringIO()
    call_command("import_scms", file, entity="DE01", at=NOW, verbosity=0, stdout=out, stderr=err)
    return out.getvalue(), err.getvalue()


def counts() -> tuple[int, ...]:
    models = (Vendor, PurchaseOrder, PurchaseOrderLine, Receipt, ReceiptLine, LedgerEntry)
    return tuple(model.objects.count() for model in (*models, TrailEvent))


@pytest.mark.parametrize(
    ("cells", "reason"),
    [
        ({"Line Item Quantity": "many"}, "Line Item Quantity is no number"),
        ({"Line Item Quantity": "0"}, "Line Item Quantity is 0"),
        ({"Line Item Quantity": "-5"}, "out of range"),
        ({"Line Item Value": "NaN"}, "Line Item Value is no number"),
        ({"Line Item Value": "1.005"}, "out of range"),
        ({"Pack Price": ""}, "Pack Price is no number"),
        ({"Delivered to Client Date": "soon"}, "is no date"),
        ({"PO / SO #": " "}, "PO / SO # is missing"),
        ({"Vendor": ""}, "Vendor is missing"),
        ({"Vendor": "Another GmbH"}, "SCMS-7 belongs to Trinity Biotech, Plc on row 2"),
        ({"ID": "1"}, "ID 1 came before"),
    ],
)
def test_a_bad_row_is_named_and_the_rest_goes_in(
    org: Organisation, tmp_path: Path, cells: dict[str, str], reason: str
) -> None:
    out, err = run(written(tmp_path, {}, cells, {}))
    assert err.startswith("Row 3 left out: ")
    assert reason in err
    assert "1 orders, 2 lines, 1 receipts" in out
    assert "Rows left out: 1." in out


def test_a_short_row_is_named(org: Organisation, tmp_path: Path) -> None:
    file = written(tmp_path, {})
    file.write_text(file.read_text("utf-8-sig") + "9,SCMS-9\r\n", "utf-8-sig")
    assert "Row 3 left out: It has another number of cells" in run(file)[1]


def test_a_file_of_another_kind_is_refused(org: Organisation, tmp_path: Path) -> None:
    file = tmp_path / "other.csv"
    file.write_text("a,b\n1,2\n")
    with pytest.raises(CommandError, match="columns are missing"):
        run(file)
    with pytest.raises(CommandError, match=r"absent\.csv"):
        run(tmp_path / "absent.csv")


def test_the_entity_must_be_clear(org: Organisation, tmp_path: Path) -> None:
    with pytest.raises(CommandError, match="DE01, UK01"):
        call_command("import_scms", written(tmp_path, {}))


def test_a_value_that_is_not_quantity_times_price_counts(org: Organisation, tmp_path: Path) -> None:
    run(written(tmp_path, {"Line Item Value": "1500.00"}))
    line = PurchaseOrderLine.objects.get()
    assert (line.net, line.unit_price) == (1500, Decimal("78.947368"))


def test_orders_come_issued_received_and_committed_but_unsent(
    org: Organisation, tmp_path: Path
) -> None:
    second = {"ASN/DN #": "ASN-2", "Delivered to Client Date": "05-Jul-06"}
    run(written(tmp_path, {}, second))
    order = PurchaseOrder.objects.get()
    assert (order.status, order.legacy_number, order.currency) == ("issued", "SCMS-7", "USD")
    assert (order.number, order.issued_at) == ("PO-2026-000001", NOW)
    assert (order.ship_to, order.delivery_terms) == ("Zambia", "EXW")
    assert (queries.receipt_status(order), queries.billing_status(order)) == ("full", "none")
    notes = order.receipts.order_by("pk").values_list("delivery_note", "received_on", "status")
    assert [(note, day.isoformat(), status) for note, day, status in notes] == [
        ("ASN-1", "2006-06-02", "posted"),
        ("ASN-2", "2006-07-05", "posted"),
    ]
    assert held(order.pk) == Decimal("2736.00")  # 2 × 1520 USD at 0.90
    assert org.cell("CC300", "6400").encumbered == Decimal("2736.00")
    assert order.history.count() == 1
    assert not OutboxItem.objects.exclude(handler="budgets.check_alerts").exists(), "unsent"
    assert queries.by_any_number(org.entity, "SCMS-7").get() == order


@pytest.mark.once  # ten thousand rows, each through the same services as the few rows above
def test_the_whole_history_to_the_cent_and_once(org: Organisation) -> None:
    data = folder("scms-po-lines")
    truth = json.loads((data / "ground-truth.json").read_text("utf-8"))
    before = Vendor.objects.count()
    out, err = run(data / "scms_delivery_history.csv")
    assert not err
    assert Vendor.objects.count() - before == truth["distinct_vendors"]
    assert PurchaseOrder.objects.count() == truth["distinct_po"]
    assert PurchaseOrderLine.objects.count() == truth["rows"]
    assert Receipt.objects.count() == truth["distinct_shipments"]
    sums = PurchaseOrderLine.objects.aggregate(Sum("net"), Sum("quantity"), Sum("received"))
    assert sums["net__sum"] == Decimal(truth["sum_line_value"])
    assert sums["quantity__sum"] == sums["received__sum"] == Decimal(truth["sum_quantity"])
    assert per_order() == expected_per_order(data / "po-totals.csv")
    for row in truth["top_vendors_by_value"]:
        lines = PurchaseOrderLine.objects.filter(order__vendor__name=row["vendor"])
        assert lines.aggregate(Sum("net"))["net__sum"] == Decimal(row["value"])
        assert lines.count() == row["lines"]
    assert not list(verify(str(org.entity.pk)))
    first = counts()
    out, _ = run(data / "scms_delivery_history.csv")
    assert "0 vendors, 0 orders, 0 lines, 0 receipts. Already here: 3764 orders" in out
    assert counts() == first


def per_order() -> dict[str, tuple[str, int, int, Decimal, Decimal]]:
    orders = PurchaseOrder.objects.select_related("vendor").annotate(shipments=Count("receipts"))
    lines = {
        row["order"]: row
        for row in PurchaseOrderLine.objects.order_by()
        .values("order")
        .annotate(lines=Count("pk"), quantities=Sum("quantity"), value=Sum("net"))
    }
    return {
        order.legacy_number: (
            order.vendor.name,
            lines[order.pk]["lines"],
            order.shipments,
            lines[order.pk]["quantities"],
            lines[order.pk]["value"],
        )
        for order in orders
    }


def expected_per_order(file: Path) -> dict[str, tuple[str, int, int, Decimal, Decimal]]:
    with file.open(encoding="utf-8", newline="") as lines:
        return {
            row["po"]: (
                row["vendor"],
                int(row["lines"]),
                int(row["shipments"]),
                Decimal(row["quantity"]),
                Decimal(row["value"]),
            )
            for row in csv.DictReader(lines)
        }


def test_the_price_is_the_pack_price_wherever_it_gives_the_value() -> None:
    history = folder("scms-po-lines") / "scms_delivery_history.csv"
    with history.open(encoding="utf-8-sig", newline="") as lines:
        read = scms.read(lines)
    assert not read.faults
    rows = [row for rows in read.orders.values() for row in rows]
    exact = sum(round(row.quantity * row.unit_price, 2) == row.value for row in rows)
    assert exact == len(rows) == 6199
