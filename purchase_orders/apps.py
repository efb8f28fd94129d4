from django.apps import AppConfig


class PurchaseOrdersConfig(AppConfig):
    name = "purchase_orders"

    def ready(self) -> None:
        from budgets import replay
        from budgets.ledger import accruing
        from core import append_only
        from core.events import subscribe
        from purchase_orders import (
            accruals,
            change_subjects,
            invariants,
            order_subjects,
            prices,
            tasks,  # noqa: F401
        )
        from purchase_orders.models import BilledLine, DrawDown
        from vendors.prices import register

        append_only.protect(BilledLine)
        append_only.protect(DrawDown)
        change_subjects.register()
        order_subjects.register()
        invariants.register()
        replay.accrue_by(accruals.every_movement)
        accruing.follow_by(accruals.following)
        register(prices.last_prices)
        subscribe("requisition.approved", "purchase_orders.order_by_itself")
        subscribe("order.issued", "purchase_orders.render_document")
        subscribe("order.changed", "purchase_orders.render_document")
        subscribe("order.closed", "purchase_orders.release_unused")
        subscribe("order.cancelled", "purchase_orders.release_unused")
        subscribe("order.resumed", "purchase_orders.send_unsent")
        subscribe("order.reopened", "purchase_orders.send_unsent")
