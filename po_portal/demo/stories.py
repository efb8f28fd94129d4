"""The last months at Nordlicht: purchases that went well, and some that did not."""

from collections.abc import Iterator
from datetime import datetime

import invoicing.services
import purchase_orders.services
import requisitions.services
from po_portal.demo.history import Player, Story
from po_portal.demo.organisation import BRITAIN, GERMANY

Steps = Iterator[datetime]


def notebooks_for_the_new_team(p: Player) -> Steps:
    """Two deliveries, one invoice, closed complete."""
    yield p.day(150, 9, 40)
    made = p.request(
        *("rita", "Notebooks and desks set-up for the new platform team"),
        *(("NB-P14-32", 6, "CC400"), ("DOCK-UC4", 6, "CC400"), ("MON-27-4K", 12, "CC400")),
        justification="Six people start on the first of next month.",
    )
    yield from p.agree(made)
    yield p.later(days=1)
    order = p.order(made)
    yield p.later(days=4)
    p.receive(order, {1: 4, 2: 6, 3: 12}, "LS-204417")
    yield p.later(days=3)
    p.receive(order, {1: 2}, "LS-204533")
    yield p.later(days=2)
    p.bill(order, "RE-2210418", {1: 6, 2: 6, 3: 12})
    yield p.later(days=1)
    p.close(order, "Delivered and billed in full.")


def virtual_machines_for_a_year(p: Player) -> Steps:
    """Billed month by month, without receipts."""
    yield p.day(140, 10, 15)
    made = p.request(
        *("rita", "Build runners: reserved virtual machines"),
        ("VM-GP-4-16", 72, "CC200"),
        justification="Six machines for twelve months; 38 % below on-demand.",
    )
    yield from p.agree(made)
    yield p.later(hours=5)
    order = p.order(made)
    for month in range(1, 6):
        yield p.later(days=20)
        p.bill(order, f"HCS-9{month:03d}", {1: 6})


def architecture_for_atlas(p: Player) -> Steps:
    """Days accepted and billed as they are worked."""
    yield p.day(132, 11, 5)
    made = p.request(
        *("rita", "Landing zone design for ATLAS"),
        ("ARCH-D", 20, "CC200", "ATLAS"),
        justification="Statement of work of 12 pages is with Purchasing.",
        references={"business_case": "BC-118 ATLAS", "sow": "SOW-AC-12"},
    )
    yield from p.agree(made, "Agreed in the steering committee.")
    yield p.later(days=2)
    order = p.order(made)
    for number, days in (("AC-1187", 8), ("AC-1203", 6)):
        yield p.later(days=18)
        p.receive(order, {1: days}, f"Time sheet {number}")
        yield p.later(days=2)
        p.bill(order, number, {1: days})


def security_operations(p: Player) -> Steps:
    """The budget owner asks, so somebody else decides for the budget."""
    yield p.day(124, 14, 20)
    made = p.request(
        *("sven", "Security operations centre, one year", ("SOC-24", 12, "CC300")),
        need_in=45,
        references={"business_case": "BC-121 SOC", "sow": "SOW-SOC-3"},
    )
    yield from p.agree(made)
    yield p.later(days=1)
    order = p.order(made)
    for month in range(1, 4):
        yield p.later(days=21)
        p.receive(order, {1: 1}, f"Service report {month}")
        yield p.later(days=1)
        p.bill(order, f"OS-{4100 + month}", {1: 1})


def furniture_with_a_damaged_chair(p: Player) -> Steps:
    """Billed in full although one chair was refused; the replacement clears the invoice."""
    yield p.day(110, 8, 50)
    made = p.request(
        *("axel", "Height-adjustable desks, third floor"),
        *(("DESK-ELEC", 8, "CC400"), ("CHAIR-ERGO", 8, "CC400")),
    )
    yield from p.agree(made)
    yield p.later(hours=6)
    order = p.order(made)
    yield p.later(days=9)
    p.receive(order, {1: 8, 2: 7}, "W-7751", rejected={2: (1, "Armrest broken")})
    yield p.later(days=1)
    p.bill(order, "2026/3391", {1: 8, 2: 8})
    yield p.later(days=6)
    p.receive(order, {2: 1}, "W-7790")


def monitoring_in_dollars(p: Player) -> Steps:
    """Ordered at one rate, billed at another."""
    yield p.day(98, 15, 30)
    made = p.request("rita", "Application monitoring, 40 hosts", ("APM-HOST", 120, "CC200"))
    yield from p.agree(made)
    yield p.later(days=1)
    order = p.order(made)
    for month in range(1, 4):
        yield p.later(days=20)
        p.bill(order, f"INV-00{871 + 14 * month}", {1: 40})


def penetration_test(p: Player) -> Steps:
    yield p.day(90, 10, 0)
    made = p.request(
        "sven", "Penetration test, customer portal", ("PENTEST-WEB", 1, "CC300", "KOMPASS")
    )
    yield from p.agree(made)
    yield p.later(days=1)
    order = p.order(made)
    yield p.later(days=15)
    p.receive(order, {1: 1}, "Report accepted")
    yield p.later(days=3)
    p.bill(order, "OS-4188", {1: 1})
    yield p.later(days=1)
    p.close(order, "Report accepted, retest passed.")


def licences_dearer_than_ordered(p: Player) -> Steps:
    """The price rose by 2.5 %: an exception, accepted by the head of accounts payable."""
    yield p.day(82, 9, 20)
    made = p.request("axel", "Hypervisor licences, data platform", ("HV-STD-16", 10, "CC500"))
    yield from p.agree(made)
    yield p.later(days=1)
    order = p.order(made)
    yield p.later(days=3)
    invoice = p.bill(order, "KS-55120", {1: 10}, prices={1: "2245.00"})
    yield p.later(days=2)
    p.accept(invoice, "Price list of this month confirmed by Ms Huber on the phone.")


def workstations_refused(p: Player) -> Steps:
    yield p.day(70, 13, 45)
    made = p.request("rita", "Workstations with graphics cards", ("WS-T7-128", 4, "CC400"))
    yield p.later(hours=4)
    p.decide(made, "reject", "Please use graphics hours in the cloud; see HELIOS.")


def headsets_by_self_service(p: Player) -> Steps:
    """Catalog items within the personal limit: approved by policy, ordered by itself."""
    yield p.day(65, 11, 25)
    made = p.request("rita", "Two headsets for the on-call desk", ("HS-BT-PRO", 2, "CC400"))
    order = p.order_itself(made)
    yield p.later(days=2)
    p.receive(order, {1: 2}, "LS-209901")
    yield p.later(days=1)
    p.bill(order, "RE-2218857", {1: 2})


def internet_access(p: Player) -> Steps:
    yield p.day(60, 9, 5)
    made = p.request("axel", "Second internet access, Hamburg", ("FIB-1G", 24, "CC100"))
    yield from p.agree(made)
    yield p.later(hours=4)
    order = p.order(made)
    for month in (1, 2):
        yield p.later(days=17)
        p.bill(order, f"NT-30{440 + month}", {1: 1})


def training_cancelled(p: Player) -> Steps:
    """Approved, then not needed: the reservation goes back."""
    yield p.day(55, 10, 10)
    asked = ("axel", "Kubernetes training for six", ("TRN-K8S", 6, "CC200"))
    made = p.request(*asked, references={"sow": "Course outline K8S-6"})
    yield from p.agree(made)
    yield p.later(days=3)
    requisitions.services.cancel(
        requisition=made,
        actor=p.people["axel"],
        at=p.at,
        reason="The course moved to next year.",
    )


def servers_in_part(p: Player) -> Steps:
    """One of two servers is here and paid; the other one is on its way."""
    yield p.day(50, 8, 35)
    made = p.request(
        *("axel", "Servers and switch, rack 7"),
        *(("SRV-R2U-64C", 2, "CC100"), ("SW-48-10G", 1, "CC100")),
        references={"business_case": "BC-109 Rack 7"},
    )
    yield from p.agree(made)
    yield p.later(days=1)
    order = p.order(made)
    yield p.later(days=14)
    p.receive(order, {1: 1, 2: 1}, "LS-211870")
    yield p.later(days=2)
    p.bill(order, "RE-2220361", {1: 1, 2: 1})


def drives_closed_short(p: Player) -> Steps:
    """Six drives cannot be delivered any more; what was committed for them is free again."""
    yield p.day(45, 14, 0)
    made = p.request("rita", "Spare drives for the object store", ("SSD-NVME-4T", 20, "CC100"))
    yield from p.agree(made)
    yield p.later(hours=5)
    order = p.order(made)
    yield p.later(days=6)
    p.receive(order, {1: 14}, "LS-212544")
    yield p.later(days=2)
    p.bill(order, "RE-2221007", {1: 14})
    yield p.later(days=5)
    p.close(order, "Model discontinued; the remaining six are not delivered.")


def monitors_cancelled(p: Player) -> Steps:
    yield p.day(38, 11, 50)
    made = p.request("rita", "Monitors for the meeting rooms", ("MON-27-4K", 10, "CC400"))
    yield from p.agree(made)
    yield p.later(days=1)
    order = p.order(made)
    yield p.later(days=4)
    p.cancel_order(order, "Vendor cannot deliver before spring; bought elsewhere by facilities.")


def warehouse_billed_a_month_too_many(p: Player) -> Steps:
    """Seven months billed, six ordered: waits for accounts payable."""
    yield p.day(32, 9, 30)
    made = p.request(
        *("axel", "Data warehouse, trial to half-year"),
        *(("DWH-TEAM", 6, "CC500"), ("ETL-CONN", 12, "CC500")),
    )
    yield from p.agree(made)
    yield p.later(days=1)
    order = p.order(made)
    yield p.day(4, 10, 20)
    p.bill(order, "BD-20118", {1: 7, 2: 12})


def lines_on_hold(p: Player) -> Steps:
    yield p.day(28, 16, 0)
    made = p.request("axel", "Site connection Lübeck", ("MPLS-100", 12, "CC100"))
    yield from p.agree(made)
    yield p.later(days=1)
    order = p.order(made)
    yield p.later(days=5)
    purchase_orders.services.hold(
        order=order,
        actor=p.people["bea"],
        at=p.at,
        reason="Lease of the Lübeck office is being negotiated.",
    )


def suite_returned(p: Player) -> Steps:
    yield p.day(21, 10, 40)
    made = p.request("rita", "Collaboration suite for contractors", ("COLLAB-BUS", 360, "CC400"))
    yield p.later(hours=5)
    p.decide(made, "return", "Thirty seats for twelve months? Please say who needs them.")


def books_withdrawn(p: Player) -> Steps:
    yield p.day(18, 15, 15)
    made = p.request("rita", "Reference books, fifty copies", ("BOOK-SRE", 50, "CC200"))
    yield p.later(hours=2)
    requisitions.services.withdraw(requisition=made, actor=p.people["rita"], at=p.at)


def stray_invoice_sent_back(p: Player) -> Steps:
    """An invoice without our order number goes back to the vendor."""
    yield p.day(16, 9, 55)
    invoice = p.stray_bill("PAPER-A4", "2026/3458", 40)
    yield p.later(hours=3)
    invoicing.services.return_to_vendor(
        invoice=invoice,
        code="REF",
        reason="Please quote our order number and send it again.",
        actor=p.people["finn"],
        at=p.at,
    )


def light_notebooks_short(p: Player) -> Steps:
    """Five billed, three received: waits for the receipt."""
    yield p.day(14, 8, 45)
    made = p.request("rita", "Light notebooks for field service", ("NB-L13-16", 5, "CC400"))
    yield from p.agree(made)
    yield p.later(hours=4)
    order = p.order(made)
    yield p.later(days=4)
    p.receive(order, {1: 3}, "LS-214020")
    yield p.day(3, 11, 30)
    p.bill(order, "RE-2223398", {1: 5})


def endpoint_detection_to_order(p: Player) -> Steps:
    """Approved; Purchasing has it."""
    yield p.day(8, 13, 10)
    made = p.request("rita", "Endpoint detection, 120 endpoints", ("EDR-EP", 120, "CC300"))
    yield from p.agree(made)


def security_keys_half_ordered(p: Player) -> Steps:
    """A first lot is ordered; its document goes out with today's worker."""
    yield p.day(6, 9, 15)
    made = p.request("axel", "Security keys for everybody", ("KEY-FIDO2", 150, "CC100"))
    yield from p.agree(made)
    yield p.day(1, 14, 30)
    p.order(made, quantities={1: 100})


def kubernetes_nodes_waiting(p: Player) -> Steps:
    """Waits for Rita's manager."""
    yield p.day(0, 9, 50)
    p.request(
        *("rita", "Kubernetes nodes for ATLAS"),
        ("K8S-NODE-M", 36, "CC200", "ATLAS"),
        justification="Three nodes for a year; the pilot runs on borrowed capacity.",
    )


def consultants_waiting(p: Player) -> Steps:
    """Axel agreed; it is above his limit and waits for Dora."""
    yield p.day(1, 10, 30)
    asked = ("rita", "Consultants for the release pipeline", ("CONS-D", 30, "CC200"))
    made = p.request(*asked, references={"business_case": "BC-125", "sow": "SOW-REL-1"})
    yield p.later(hours=2)
    p.decide(made, comment="Needed for the next release.")


def migration_beyond_budget(p: Player) -> Steps:
    """Over a budget that warns, with the reason why."""
    yield p.day(0, 10, 25)
    p.request(
        *("axel", "Archive migration of the finance systems"),
        ("MIG-WS", 7, "CC600"),
        budget_reason="The old archive loses support at the end of the quarter.",
        references={"business_case": "BC-127 Archive", "sow": "SOW-MIG-7"},
    )


def ergonomics_draft(p: Player) -> Steps:
    yield p.day(0, 11, 10)
    p.draft("rita", "Keyboards and mice, spare", ("KB-MS-SET", 6, "CC400"))


def leeds_notebooks(p: Player) -> Steps:
    yield p.day(40, 10, 0)
    made = p.request("nils", "Notebooks for Leeds", ("UK-NB-14", 3, "UK100"))
    yield from p.agree(made)
    yield p.later(days=1)
    p.order(made, "nils")


def leeds_virtual_machines(p: Player) -> Steps:
    yield p.day(1, 11, 0)
    p.request("nils", "Virtual machines for the Leeds portal", ("UK-VM-4-16", 24, "UK100"))


STORIES: dict[str, list[Story]] = {
    GERMANY: [
        notebooks_for_the_new_team,
        virtual_machines_for_a_year,
        architecture_for_atlas,
        security_operations,
        furniture_with_a_damaged_chair,
        monitoring_in_dollars,
        penetration_test,
        licences_dearer_than_ordered,
        workstations_refused,
        headsets_by_self_service,
        internet_access,
        training_cancelled,
        servers_in_part,
        drives_closed_short,
        monitors_cancelled,
        warehouse_billed_a_month_too_many,
        lines_on_hold,
        suite_returned,
        books_withdrawn,
        stray_invoice_sent_back,
        light_notebooks_short,
        endpoint_detection_to_order,
        security_keys_half_ordered,
        kubernetes_nodes_waiting,
        consultants_waiting,
        migration_beyond_budget,
        ergonomics_draft,
    ],
    BRITAIN: [leeds_notebooks, leeds_virtual_machines],
}
