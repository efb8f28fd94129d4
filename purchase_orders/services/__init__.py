"""The verbs of purchase orders and receipts."""

from purchase_orders.cover import AboveApproved, NeedsRequisition
from purchase_orders.services.approval import NeedsNoApproval, submit, withdraw
from purchase_orders.services.billing import bill, draw_of
from purchase_orders.services.change_issue import issue_change
from purchase_orders.services.change_orders import (
    draft_change,
    edit_change,
    submit_change,
    withdraw_change,
)
from purchase_orders.services.documents import (
    DocumentPending,
    mark_dispatched,
    render,
    send,
    send_unsent,
)
from purchase_orders.services.drafts import create, create_from_requisition, edit
from purchase_orders.services.orders import (
    VendorNotApproved,
    cancel,
    close,
    hold,
    issue,
    release_unused,
    reopen,
    resume,
)
from purchase_orders.services.proposals import (
    accept,
    keep,
    propose,
    reverse_batch,
)
from purchase_orders.services.receipts import (
    OverReceipt,
    post_receipt,
    reverse_receipt,
)
from purchase_orders.services.releases import release, release_requisition
from purchase_orders.services.self_service import order_by_itself
from purchase_orders.services.takeover import DuplicateOrder, take_over
from purchase_orders.services.ubl import BrokenOrder, import_ubl

__all__ = [
    "AboveApproved",
    "BrokenOrder",
    "DocumentPending",
    "DuplicateOrder",
    "NeedsNoApproval",
    "NeedsRequisition",
    "OverReceipt",
    "VendorNotApproved",
    "accept",
    "bill",
    "cancel",
    "close",
    "create",
    "create_from_requisition",
    "draft_change",
    "draw_of",
    "edit",
    "edit_change",
    "hold",
    "import_ubl",
    "issue",
    "issue_change",
    "keep",
    "mark_dispatched",
    "order_by_itself",
    "post_receipt",
    "propose",
    "release",
    "release_requisition",
    "release_unused",
    "render",
    "reopen",
    "resume",
    "reverse_batch",
    "reverse_receipt",
    "send",
    "send_unsent",
    "submit",
    "submit_change",
    "take_over",
    "withdraw",
    "withdraw_change",
]
