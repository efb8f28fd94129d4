from django.apps import AppConfig


class InvoicingConfig(AppConfig):
    name = "invoicing"

    def ready(self) -> None:
        from core import events, navigation
        from invoicing import invariants, queries, tasks  # noqa: F401
        from purchase_orders import subjects

        invariants.register()
        subjects.register(invoice_on=queries.invoice_on)
        events.subscribe("invoice.captured", "invoicing.match")
        events.subscribe("invoice.match_requested", "invoicing.match")
        events.subscribe("receipt.posted", "invoicing.rematch_after_receipt")
        events.subscribe("receipt.reversed", "invoicing.rematch_after_receipt")
        events.subscribe("order.changed", "invoicing.rematch_after_change")
        events.subscribe("vendor.approved", "invoicing.rematch_after_approval")
        events.subscribe("vendor.reinstated", "invoicing.rematch_after_approval")
        events.subscribe("invoice.cleared_as_final", "invoicing.end_order")
        navigation.count("invoicing:exceptions", queries.exceptions_count)
