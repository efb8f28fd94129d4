"""What budgets accrue, reckoned once more from receipts and billed lines, the quick way.

Lines that one budget pays are reckoned by the database itself, in SQL of their own: nearly all of
them, and a second opinion on the services' arithmetic. A line of which on every day as many pieces
were billed as came never waited for an invoice, and is not looked at any further. What several
budgets share is split cent by cent in Python, as `accruals` does. SQLite cannot multiply exact
decimals, so there all is Python.
"""

from collections import defaultdict
from datetime import date
from decimal import Decimal

from django.db import connection
from django.db.models import Count, Q

from accounts.models import Entity
from core.money import minor_units
from core.snapshot import in_key_order
from purchase_orders import accruals
from purchase_orders.models import OrderDistribution, PurchaseOrder, PurchaseOrderLine

_ONE_BUDGET = """
WITH happened AS (
  SELECT line_id, day, SUM(received) AS received, SUM(billed) AS billed, SUM(net) AS net FROM (
    SELECT rl.order_line_id AS line_id, r.received_on AS day,
      rl.quantity AS received, 0 AS billed, 0 AS net
    FROM purchase_orders_receiptline rl JOIN purchase_orders_receipt r ON r.id = rl.receipt_id
    WHERE r.status = ANY(%s)
    UNION ALL
    SELECT order_line_id, billed_on, 0, quantity, net FROM purchase_orders_billedline
  ) AS each GROUP BY line_id, day
), waited AS (
  SELECT line_id FROM happened WHERE received <> billed
  UNION SELECT id FROM purchase_orders_purchaseorderline WHERE basis = 'amount'
), line AS (
  SELECT l.id, l.basis, l.unit_price, o.rate, c.cell_id,
    CASE o.currency {document_units} ELSE 2 END AS units,
    CASE e.currency {base_units} ELSE 2 END AS base_units,
    (o.issued_at AT TIME ZONE e.time_zone)::date AS issued,
    (o.closed_at AT TIME ZONE e.time_zone)::date AS closed
  FROM waited
  JOIN purchase_orders_purchaseorderline l ON l.id = waited.line_id
  JOIN purchase_orders_purchaseorder o ON o.id = l.order_id
  JOIN accounts_entity e ON e.id = o.entity_id
  JOIN purchase_orders_orderdistribution d ON d.line_id = l.id
  JOIN budgets_commitment c ON c.distribution_id = d.id AND c.stage = 'ENC'
  WHERE o.issued_at IS NOT NULL AND NOT EXISTS (
    SELECT 1 FROM purchase_orders_orderdistribution other
    WHERE other.line_id = l.id AND other.id <> d.id)
  AND NOT EXISTS (
    SELECT 1 FROM purchase_orders_changeorderline repriced
    WHERE repriced.order_line_id = l.id AND repriced.was_unit_price IS NOT NULL)
), days AS (
  SELECT line.id, GREATEST(day, issued) AS day, SUM(received) AS received,
    SUM(billed) AS billed, SUM(net) AS net
  FROM happened JOIN line ON line.id = happened.line_id
  WHERE closed IS NULL OR GREATEST(day, issued) < closed
  GROUP BY line.id, GREATEST(day, issued)
), running AS (
  SELECT id, day, SUM(received) OVER so_far AS received, SUM(billed) OVER so_far AS billed,
    SUM(net) OVER so_far AS net, LEAD(day) OVER so_far AS next_day
  FROM days WINDOW so_far AS (PARTITION BY id ORDER BY day)
), valued AS (
  SELECT line.id, cell_id, day, next_day, closed, base_units, rate, received,
    ROUND(CASE basis WHEN 'amount' THEN received * unit_price - net
      ELSE (received - billed) * unit_price END, units) AS value
  FROM running JOIN line ON line.id = running.id
), stood AS (
  SELECT id, cell_id, day, next_day, closed,
    CASE WHEN received <= 0 OR value <= 0 THEN 0 ELSE ROUND(value * rate, base_units) END AS base
  FROM valued
), moves AS (
  SELECT cell_id, day, base FROM stood
  UNION ALL
  SELECT cell_id, COALESCE(next_day, closed), -base FROM stood
  WHERE COALESCE(next_day, closed) IS NOT NULL
)
SELECT cell_id, day, SUM(base) FROM moves WHERE base <> 0 GROUP BY cell_id, day
"""


def counted() -> dict[tuple[int, date], Decimal]:
    """Every move of what budgets accrue, by cell and day, in base currency."""
    lines = PurchaseOrderLine.objects.all()
    sums: dict[tuple[int, date], Decimal] = defaultdict(Decimal)
    if connection.vendor == "postgresql":
        for cell, day, amount in _paid_by_one():
            sums[cell, day] += amount
        shared = OrderDistribution.objects.order_by().values("line_id")
        shared = shared.annotate(parts=Count("pk")).filter(parts__gt=1).values("line_id")
        repriced = accruals.repricings().order_by().values("order_line")
        lines = lines.filter(Q(pk__in=shared) | Q(pk__in=repriced)).values("pk")
        if not lines.exists():
            return sums
    for key, amount in accruals.movements(lines, streamed=True).items():
        sums[key] += amount
    return sums


def _paid_by_one() -> list[tuple[int, date, Decimal]]:
    orders = PurchaseOrder.objects.order_by().values_list("currency", flat=True).distinct()
    statement = _ONE_BUDGET.format(
        document_units=_units(set(orders)),
        base_units=_units(set(Entity.objects.values_list("currency", flat=True))),
    )
    with in_key_order(), connection.cursor() as cursor:
        cursor.execute(statement, [list(accruals.COUNTED)])
        return cursor.fetchall()


def _units(currencies: set[str]) -> str:
    """Decimals of each currency as WHEN clauses; codes are three letters, checked when stored."""
    known = sorted(currencies | {"EUR"})
    return " ".join(f"WHEN '{code}' THEN {minor_units(code)}" for code in known)
