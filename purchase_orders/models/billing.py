"""What invoices did to the billed figures of order lines."""

from django.db import models

from core.fields import AmountField, QuantityField
from purchase_orders.models.orders import PurchaseOrderLine


class BilledLine(models.Model):
    """What an invoice, a credit note or a void did to the billed figures of an order line.

    Only grows; the line's own figures are its sums. `net` is in the order's currency.
    """

    id = models.BigAutoField(primary_key=True)
    order_line = models.ForeignKey(
        PurchaseOrderLine, on_delete=models.PROTECT, related_name="billed_lines"
    )
    billed_on = models.DateField()
    quantity = QuantityField(help_text="Signed.")
    net = AmountField(help_text="Signed.")

    def __str__(self) -> str:
        return f"{self.quantity} of {self.order_line}"
