"""How each selected case is played through the services, or why it is decided otherwise here.

PLAYED: the services named are called in this order and the figures named are asserted.
OTHERWISE: this product rightly decides differently; `why` says what it does instead, and what is
asserted of that.
OUTSIDE: the case is about something the portal does not hold (stock, advances, a bill it writes
itself); `why` says where the same safety lies here.
LATER: the portal will hold it and does not yet; `why` says what there is instead.
"""

from dataclasses import dataclass

PLAYED = "played"
OTHERWISE = "otherwise"
OUTSIDE = "outside"
LATER = "later"

ISSUE = "purchase_orders.services.create + issue"
RECEIVE = "purchase_orders.services.post_receipt"
REVERSE = "purchase_orders.services.reverse_receipt"
BILL = "invoicing.services.capture + match"
CLOSE = "purchase_orders.services.close + release_unused"
CANCEL = "purchase_orders.services.cancel + release_unused"
REQUEST = "requisitions.services.create + submit + approval"
BUDGET = "budgets.services.set_budget"
CHANGE = "purchase_orders.services.draft_change + submit_change + approval + issue_change"
RELEASE = "purchase_orders.services.release + issue"
TRANSFER = "budgeting.services.changes.transfer + approval"


@dataclass(frozen=True)
class Plan:
    """What is done about one case."""

    verdict: str
    calls: tuple[str, ...] = ()
    asserted: str = ""
    why: str = ""


PLANS: dict[str, Plan] = {
    # ---- receipts
    "erpnext-order-partial-receipt": Plan(
        PLAYED,
        (ISSUE, RECEIVE),
        "after issue 10 to receive; after the receipt received 4, to receive 6",
    ),
    "erpnext-order-received-by-many-ways": Plan(
        OTHERWISE,
        (ISSUE, RECEIVE, BILL, BILL, RECEIVE),
        "received 2, 2, 2, 3: the second bill of 3 waits for its receipt and receives nothing",
        "A bill never books goods in here: who receives must not be who keys the invoice.",
    ),
    "tryton-receive-half": Plan(
        PLAYED,
        (ISSUE, RECEIVE, BILL),
        "to receive 5; a bill of 5 matches and a bill of 5.01 does not",
        "The vendor sends the bill; what other systems draft is here what would match.",
    ),
    "inventree-receive": Plan(
        PLAYED,
        (RECEIVE, ISSUE, RECEIVE, RECEIVE, RECEIVE, RECEIVE),
        "refused before issue (IllegalTransition); 50 left after the first, refused for −10 and "
        "for no number (Invalid), 0 left after the last; refused calls change nothing",
    ),
    "inventree-pack-sizes": Plan(
        OTHERWISE,
        (ISSUE, RECEIVE),
        "received 1 and 5, remaining 2 and 8, in the unit ordered",
        "Lines are received in the unit in which they were ordered; pieces per pack are stock.",
    ),
    "erpnext-receipt-accepted-rejected": Plan(
        OTHERWISE,
        (ISSUE, RECEIVE),
        "quantity 1 with rejected_quantity 1 counts 1 as received and leaves the rest open",
        "Received is what was accepted; rejected is stated beside it and needs a reason, so three "
        "figures that could disagree are never asked for.",
    ),
    "oca-request-service-rest": Plan(
        OTHERWISE,
        (REQUEST, ISSUE, RECEIVE, CLOSE),
        "received 0.5; after closing short nothing is encumbered and 1.5 were never received",
        "Closing an order ends it; what is still wanted is asked for in a new requisition.",
    ),
    "idempiere-unlinked-receipt": Plan(
        OTHERWISE,
        (ISSUE, RECEIVE),
        "open 1 before the receipt, 0 after it",
        "A receipt always names its order; one without cannot be posted.",
    ),
    "bc-over-receipt-limit": Plan(
        PLAYED,
        (ISSUE, RECEIVE),
        "over_receipt_percent 100: 20 passes, 21 is refused (OverReceipt), 10 + 11 is refused",
    ),
    "bc-over-receipt-posted": Plan(
        PLAYED, (ISSUE, RECEIVE), "over_receipt_percent 100: one receipt of 17 holds 17"
    ),
    # ---- two-way and three-way
    "erpnext-order-bill-first": Plan(
        PLAYED,
        (ISSUE, BILL, RECEIVE, BILL),
        "2-way clears at once; billing and receipt are both full in the end, for 3-way too",
    ),
    "odoo-bill-on-received": Plan(
        PLAYED,
        (ISSUE, RECEIVE, BILL),
        "3-way: a bill before the receipt waits; 5 + 5 received, 5 + 5 billed and cleared",
    ),
    "odoo-refund-after-correction-ordered": Plan(
        PLAYED,
        (ISSUE, RECEIVE, BILL, REVERSE, RECEIVE),
        "2-way: after the receipt is taken back and 5 received, billed is still 10",
    ),
    "odoo-return-and-credit": Plan(
        OTHERWISE,
        (ISSUE, RECEIVE, BILL, "invoicing.services.capture (credit note) + match", REVERSE),
        "after the credit of 2 + 2: billed 3 and 3, spent reduced by 2 × 500 + 2 × 250",
        "The credit note comes before the goods are taken back from what was received.",
    ),
    "oca-return-before-bill": Plan(
        OTHERWISE,
        (ISSUE, RECEIVE, REVERSE, RECEIVE, BILL),
        "received 3; a bill of 3 for 30.00 clears, a bill of 5 does not",
        "A return before the bill is the mirror of the receipt and a new one of what stayed.",
    ),
    "oca-open-quantities": Plan(
        PLAYED,
        (ISSUE, RECEIVE, BILL),
        "what would match is what is to bill: 5, 0, 5, 3; to receive 5, 5, 0, 2",
    ),
    "tryton-order-billed-on-order": Plan(
        PLAYED,
        (ISSUE, BILL),
        "order 25.00 + 2.50 = 27.50; the vendor's bill of the same figures clears under 2-way",
    ),
    "tryton-order-billed-on-receipt": Plan(
        PLAYED,
        (ISSUE, BILL, RECEIVE, BILL, BILL),
        "no bill passes before the goods; then 1 + 1 and 1 + 2 clear: two bills, 5 in all",
    ),
    "tryton-bill-line-removed": Plan(
        PLAYED,
        (ISSUE, BILL, BILL),
        "2-way: a bill of line 1 clears; line 2 stays to bill and clears on a second bill",
    ),
    "idempiere-bill-before-receipt": Plan(
        PLAYED,
        (ISSUE, BILL, RECEIVE, "invoicing.services.rematch_order + match"),
        "waiting without an exception, cleared for 3 after the receipt",
    ),
    "idempiere-receipt-before-bill": Plan(PLAYED, (ISSUE, RECEIVE, BILL), "cleared for 3"),
    "bc-match-warnings": Plan(
        PLAYED,
        (ISSUE, RECEIVE, BILL),
        "exceptions of quantity_received, quantity_ordered, both; a flag on quantity_received "
        "where more arrived than was ordered (as in tests/invoicing/test_match_lines.py)",
    ),
    "bc-match-two-lines": Plan(
        PLAYED,
        (ISSUE, RECEIVE, BILL),
        "2 + 3 clear; 2 + 4 are one exception of 1 over",
        "The invoice is judged as a whole: nothing of it is booked until the 1 is settled.",
    ),
    "oasis-short-delivery-full-bill": Plan(
        PLAYED,
        ("purchase_orders.services.import_file", RECEIVE, "invoicing.services.import_file + match"),
        "to receive 10; exception of quantity_received with 10 over; gone after 10 more",
    ),
    "oca-plan-limits": Plan(
        OTHERWISE,
        (ISSUE, RECEIVE, BILL),
        "received 1, bill of 2: exception of quantity_received, 1 over",
        "There is no plan of instalments to be wrong: each bill is judged when it comes.",
    ),
    # ---- commitments
    "erpnext-order-close-releases": Plan(
        PLAYED,
        (ISSUE, CLOSE),
        "encumbered 500.00 after issue, 0 after close; the cell's available is back",
        "On order is the open commitment here, not a stock figure.",
    ),
    "erpnext-accrual-reversed-by-bill": Plan(
        PLAYED,
        (ISSUE, RECEIVE, BILL),
        "received not invoiced 250.00 after the receipt, 0 after clearing; spent 250.00",
    ),
    "budget-cancel-releases": Plan(
        PLAYED,
        (BUDGET, ISSUE, CANCEL, ISSUE),
        "one cell of 300 (control by cost centre): available 1 after 101 + 2 × 99, 300 after "
        "cancel; 101 + 2 × 100 is refused as BudgetExceeded, 301 of 300",
    ),
    "budget-requisition-stop": Plan(
        OTHERWISE,
        (BUDGET, REQUEST),
        "101 + 198 passes and holds 299 when approved; 150.5 + 150.5 is refused at submit",
        "The check adds up the whole document per cell first. Control by kind is a cell each; "
        "by cost centre both lines lie in one cell.",
    ),
    "budget-requisition-order-lower-price": Plan(
        OTHERWISE,
        (BUDGET, REQUEST, ISSUE, "requisitions.services.close", CLOSE),
        "pre-encumbered 70, then 25 beside encumbered 45, 0 when the request is closed; "
        "encumbered 0 when the order is closed",
        "An order of a part leaves the rest of the request reserved (C3) until it is closed.",
    ),
    "budget-contract": Plan(
        PLAYED,
        (BUDGET, ISSUE, BILL),
        "encumbered 30 then 20, spent 10; encumbered 70 then 25, spent 45",
        "A contract commits through its orders.",
    ),
    "budget-foreign-order-rates": Plan(
        PLAYED,
        (BUDGET, ISSUE),
        "an order of 100.00 at the stored rate commits exactly base = round(100 × rate); the "
        "rate frozen on the order goes before the table afterwards",
        "Rates are kept as base per unit; nobody types a rate on an order.",
    ),
    "budget-actual-per-kind": Plan(
        PLAYED,
        (BUDGET, BILL),
        "control stop refuses 401 of 400; a cell of 2400 bears 2000; track lets 100 000 pass and "
        "shows available −97 600",
        "Every spend here is an invoice on an order, so the refusal meets the order.",
    ),
    "budget-not-below-consumed": Plan(
        PLAYED, (BUDGET, ISSUE, BUDGET), "BudgetBelowUse: 100 in use, 70 refused, cell unchanged"
    ),
    "erpnext-budget-actual-plus-order": Plan(
        PLAYED,
        (BUDGET, ISSUE, BILL, ISSUE),
        "16 665.67 spent of 16 666.67; a further order of 16 667.67 is BudgetExceeded",
    ),
    "erpnext-budget-monthly-stop-spend": Plan(
        OTHERWISE,
        (BUDGET, ISSUE),
        "a cell of period 1 with 16 666.67: an order of 16 667.67 is refused, 1.00 over",
        "A period has a budget of its own; it is not a twelfth worked out of the year, and what "
        "a month leaves is moved by a transfer, not by itself.",
    ),
    "erpnext-budget-monthly-stop-requisition": Plan(
        OTHERWISE,
        (BUDGET, REQUEST),
        "the same cell refuses the requisition at submit, 1.00 over",
        "As for the order: a period has a budget of its own.",
    ),
    # ---- advances
    "budget-advance-clearing": Plan(
        OUTSIDE,
        why="Cash advances are payroll's; money for an order leaves only by a cleared invoice. "
        "That nothing is counted twice is proven by the invariants of the ledger.",
    ),
    "budget-advance-recompute-close": Plan(
        OUTSIDE,
        why="As budget-advance-clearing; recomputing changes nothing is the tie of stored "
        "balances to entries, proven by verify_books.",
    ),
    "oca-advance-and-bill": Plan(
        OUTSIDE,
        why="Advances are paid in the ERP. A prepaid amount on an invoice lowers what is due and "
        "not what is spent, which capture and match test.",
    ),
    "oca-advance-larger-than-bill": Plan(OUTSIDE, why="As oca-advance-and-bill."),
    # ---- changes of issued orders
    "erpnext-order-amend-tax-recomputed": Plan(
        OTHERWISE,
        (ISSUE, CHANGE),
        "net 500, tax 50, total 550; with two lines more net 700, tax 70, total 770",
        "A line has one tax: a second on top of it is not a thing of purchases here.",
    ),
    "odoo-raise-after-return": Plan(
        PLAYED,
        (ISSUE, RECEIVE, REVERSE, RECEIVE, CHANGE),
        "received 5 of 10 after the return; raised to 15: received 5, to receive 10",
    ),
    "oca-discount-goods-value": Plan(
        OTHERWISE,
        (ISSUE, RECEIVE, CHANGE),
        "what came accrues 5 and 161 a piece; what is open is worth 7.50 and 115 after the change",
        "An order line has the price that is paid; the discount that led to it is the vendor's.",
    ),
    "tryton-amendment": Plan(
        OTHERWISE,
        (ISSUE, CHANGE),
        "total 55.00, then 4 × 9 + 2 × 5 = 46.00 on the next revision; what is expected follows",
        "Another vendor is another order: the number that the first one has stays his.",
    ),
    # ---- currencies
    "erpnext-bill-foreign": Plan(
        PLAYED,
        (ISSUE, BILL),
        "a bill of 250 at 50 spends 12 500 in base currency; the bill itself stays 250",
    ),
    "odoo-two-orders-one-bill-currencies": Plan(
        OTHERWISE,
        (ISSUE, BILL),
        "a bill in another currency than its order is stopped by the check of the currency",
        "An invoice bills one order, in the order's currency, so no rate is guessed.",
    ),
    # ---- budgets
    "budget-transfer": Plan(
        PLAYED,
        (BUDGET, TRANSFER, TRANSFER, "budgeting.services.changes.reverse + approval"),
        "500 of 50 is refused; 30 makes 20 and 130; its reverse makes 50 and 100",
    ),
    "tryton-budget-actual": Plan(
        OTHERWISE,
        (BUDGET, ISSUE, BILL),
        "60 of 50 is 1.2000 used, under control track",
        "Budgets here are of what is bought; revenue has none.",
    ),
    "tryton-budget-period-used": Plan(
        OTHERWISE,
        (BUDGET, ISSUE, BILL),
        "60 of the period's 4.16 is 14.4231 used",
        "As tryton-budget-actual: expense only.",
    ),
    "tryton-budget-shares-over-one": Plan(
        OUTSIDE,
        why="A month or quarter has an amount of its own, not a share of the year's, so no shares "
        "can make more than the whole.",
    ),
    "tryton-budget-copy": Plan(
        OUTSIDE,
        why="Next year's budgets come in as a file, after a dry run that shows every figure: the "
        "factor is applied where the file is made.",
    ),
    # ---- frame agreements
    "erpnext-blanket-draw": Plan(
        PLAYED,
        (ISSUE, RELEASE),
        "a release of 10 of 100 takes 10 of its line; 90 are left to release",
    ),
    "erpnext-blanket-lines-add-up": Plan(
        PLAYED,
        (ISSUE, RELEASE),
        "60 and 50 of a line of 100 are refused, naming 110; nothing is drawn",
    ),
    "erpnext-blanket-currency": Plan(
        PLAYED,
        (ISSUE, RELEASE),
        "a release of USD 5 at 80 is 5 in the order's currency and commits 400",
    ),
    "oca-blanket-draw-to-zero": Plan(
        PLAYED,
        (ISSUE, RELEASE, RELEASE, RELEASE),
        "30 of 20 is refused; 10 leaves 10, 10 more leaves 0; then 1 is refused",
        "Nothing left is no state of its own here: the balance says it, and a price change or a "
        "cancelled release may make room again.",
    ),
    "oca-blanket-lines": Plan(
        PLAYED,
        (ISSUE, RELEASE),
        "10 of 20 and 20 of 50 leave 10 and 30; the release is 300 and 1 200, net 1 500",
    ),
}
