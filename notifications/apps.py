from django.apps import AppConfig

SUBSCRIPTIONS = (
    ("approval.requested", "notifications.approval_requested"),
    ("approval.reminded", "notifications.approval_reminded"),
    ("approval.stuck", "notifications.approval_stuck"),
    ("approval.link_requested", "notifications.approval_link"),
    ("approval.asked", "notifications.approval_asked"),
    ("approval.answered", "notifications.approval_answered"),
    ("approval.question_reminded", "notifications.approval_asked"),
    ("approval.question_unanswered", "notifications.approval_unanswered"),
    ("ratification.due", "notifications.ratification_due"),
    ("ratification.rerouted", "notifications.ratification_due"),
    ("ratification.overdue", "notifications.ratification_due"),
    ("approval_request.approved", "notifications.approval_ended"),
    ("approval_request.rejected", "notifications.approval_ended"),
    ("approval_request.returned", "notifications.approval_ended"),
    ("order.document_rendered", "notifications.dispatch_order"),
    ("order.send_requested", "notifications.dispatch_order"),
    ("invoice.returned_to_vendor", "notifications.invoice_returned"),
    ("scheduled_report.rendered", "notifications.report_rendered"),
    ("statement_line.disputed", "notifications.line_disputed"),
    ("statement_line.resolved", "notifications.line_resolved"),
    ("comment.mentioned", "notifications.mentioned"),
    ("comment.mentioned", "notifications.list_mentions"),
    ("vendor.edited", "notifications.vendor_changed"),
    ("vendor.bank_requested", "notifications.vendor_bank"),
    ("vendor.bank_verified", "notifications.vendor_bank"),
)


class NotificationsConfig(AppConfig):
    name = "notifications"

    def ready(self) -> None:
        from core.events import subscribe
        from notifications import mentions, passwords, stuck, tasks  # noqa: F401

        for event_type, handler in SUBSCRIPTIONS:
            subscribe(event_type, handler)
        for event_type in passwords.CHANGED:
            subscribe(event_type, "notifications.sign_in_changed")
