"""UBL 2.0 and 2.1 Invoice and CreditNote → CapturedInvoice."""

from collections import Counter
from decimal import Decimal

from lxml import etree

from core.ubl import VAT, Reader, attribute, find, findall

from .documents import (
    CREDIT_NOTE,
    INVOICE,
    AllowanceCharge,
    CapturedInvoice,
    CapturedLine,
    DocumentReference,
    PayeeAccount,
    PaymentMeans,
    Period,
    TaxCategory,
    TaxRow,
    TaxTotal,
    Totals,
)

ROOTS = {
    "{urn:oasis:names:specification:ubl:schema:xsd:Invoice-2}Invoice": INVOICE,
    "{urn:oasis:names:specification:ubl:schema:xsd:CreditNote-2}CreditNote": CREDIT_NOTE,
}


def is_invoice(root: etree._Element) -> bool:
    """Whether this is a UBL Invoice or CreditNote."""
    return root.tag in ROOTS


def read(root: etree._Element) -> CapturedInvoice:
    """Everything the document says. Missing parts stay empty: the rules name them."""
    return _Document(root).captured()


class _Document(Reader):
    def __init__(self, root: etree._Element):
        super().__init__()
        self.root = root
        self.kind = ROOTS[root.tag]

    def captured(self) -> CapturedInvoice:
        root = self.root
        stated = self.text(root, "cbc:DocumentCurrencyCode")
        supplier = find(root, "cac:AccountingSupplierParty/cac:Party")
        payee = find(root, "cac:PayeeParty")
        representative = find(root, "cac:TaxRepresentativeParty")
        deliver_to = find(root, "cac:Delivery/cac:DeliveryLocation/cac:Address")
        return CapturedInvoice(
            number=self.text(root, "cbc:ID"),
            kind=self.kind,
            type_code=self.text(root, "cbc:InvoiceTypeCode")
            or self.text(root, "cbc:CreditNoteTypeCode"),
            issue_date=self.day(root, "cbc:IssueDate"),
            issue_date_stated=bool(self.text(root, "cbc:IssueDate")),
            due_date=self._due_date(),
            tax_point_date=self.day(root, "cbc:TaxPointDate"),
            currency=stated or self._currency_of_amounts(),
            currency_stated=bool(stated),
            tax_currency=self.text(root, "cbc:TaxCurrencyCode"),
            syntax="UBL",
            customization=self.text(root, "cbc:CustomizationID"),
            profile=self.text(root, "cbc:ProfileID"),
            supplier=self.party(supplier),
            buyer=self.party(find(root, "cac:AccountingCustomerParty/cac:Party")),
            payee=None if payee is None else self.party(payee),
            tax_representative=None if representative is None else self.party(representative),
            payment_means=self._payment_means(),
            order_reference=self.text(root, "cac:OrderReference/cbc:ID"),
            sales_order_reference=self.text(root, "cac:OrderReference/cbc:SalesOrderID"),
            contract_reference=self.text(root, "cac:ContractDocumentReference/cbc:ID"),
            buyer_reference=self.text(root, "cbc:BuyerReference"),
            preceding_invoices=self._preceding(),
            despatch_references=self.texts(root, "cac:DespatchDocumentReference/cbc:ID"),
            receipt_references=self.texts(root, "cac:ReceiptDocumentReference/cbc:ID"),
            lines=self._lines(),
            allowances_charges=self._allowances_charges(root),
            tax_totals=tuple(self._tax_total(e) for e in findall(root, "cac:TaxTotal")),
            totals=self._totals(),
            third_party_payments=self._third_party_payments(),
            period=self._period(root),
            delivery_date=self.day(root, "cac:Delivery/cbc:ActualDeliveryDate"),
            has_deliver_to_address=deliver_to is not None,
            deliver_to_country=self.text(deliver_to, "cac:Country/cbc:IdentificationCode"),
            notes=self.texts(root, "cbc:Note"),
            payment_terms="\n".join(self.texts(root, "cac:PaymentTerms/cbc:Note")),
            problems=tuple(self.problems),
        )

    def _due_date(self):
        return (
            self.day(self.root, "cbc:DueDate")
            or self.day(self.root, "cac:PaymentMeans/cbc:PaymentDueDate")
            or self.day(self.root, "cac:PaymentTerms/cbc:PaymentDueDate")
        )

    def _currency_of_amounts(self) -> str:
        """UBL 2.0 leaves the document currency to its amounts; the totals decide."""
        totals = find(self.root, "cac:LegalMonetaryTotal")
        named = Counter(attribute(e, "currencyID") for e in (totals if totals is not None else ()))
        named.pop("", None)
        return next(iter(named)) if len(named) == 1 else ""

    def _period(self, parent: etree._Element) -> Period | None:
        element = find(parent, "cac:InvoicePeriod")
        if element is None:
            return None
        return Period(
            start=self.day(element, "cbc:StartDate"),
            end=self.day(element, "cbc:EndDate"),
            code=self.text(element, "cbc:DescriptionCode"),
        )

    def _payment_means(self) -> tuple[PaymentMeans, ...]:
        return tuple(
            PaymentMeans(self.text(e, "cbc:PaymentMeansCode"), self._account(e))
            for e in findall(self.root, "cac:PaymentMeans")
        )

    def _account(self, means: etree._Element) -> PayeeAccount | None:
        element = find(means, "cac:PayeeFinancialAccount")
        if element is None:
            return None
        return PayeeAccount(
            account=self.text(element, "cbc:ID"),
            name=self.text(element, "cbc:Name"),
            bic=self.text(element, "cac:FinancialInstitutionBranch/cbc:ID"),
        )

    def _preceding(self) -> tuple[DocumentReference, ...]:
        named = [
            find(e, "cac:InvoiceDocumentReference")
            for e in findall(self.root, "cac:BillingReference")
        ]
        return tuple(
            DocumentReference(self.text(e, "cbc:ID"), self.day(e, "cbc:IssueDate")) for e in named
        )

    def _third_party_payments(self) -> tuple[Decimal, ...]:
        amounts = (
            self.number(e, "cbc:PaidAmount") for e in findall(self.root, "cac:PrepaidPayment")
        )
        return tuple(amount for amount in amounts if amount is not None)

    def _totals(self) -> Totals:
        total = find(self.root, "cac:LegalMonetaryTotal")
        return Totals(
            line_extension=self.number(total, "cbc:LineExtensionAmount"),
            allowance=self.number(total, "cbc:AllowanceTotalAmount"),
            charge=self.number(total, "cbc:ChargeTotalAmount"),
            tax_exclusive=self.number(total, "cbc:TaxExclusiveAmount"),
            tax_inclusive=self.number(total, "cbc:TaxInclusiveAmount"),
            prepaid=self.number(total, "cbc:PrepaidAmount"),
            rounding=self.number(total, "cbc:PayableRoundingAmount"),
            payable=self.number(total, "cbc:PayableAmount"),
        )

    def _tax_total(self, element: etree._Element) -> TaxTotal:
        return TaxTotal(
            currency=attribute(find(element, "cbc:TaxAmount"), "currencyID"),
            amount=self.number(element, "cbc:TaxAmount"),
            rows=tuple(
                TaxRow(
                    tax=self._tax_category(row, "cac:TaxCategory"),
                    taxable=self.number(row, "cbc:TaxableAmount"),
                    amount=self.number(row, "cbc:TaxAmount"),
                )
                for row in findall(element, "cac:TaxSubtotal")
            ),
        )

    def _tax_category(self, parent: etree._Element | None, path: str) -> TaxCategory | None:
        """The VAT category where several tax schemes are named, else the first."""
        categories = findall(parent, path)
        if not categories:
            return None
        scheme_of = {e: self.text(e, "cac:TaxScheme/cbc:ID").upper() for e in categories}
        element = next((e for e in categories if scheme_of[e] == VAT), categories[0])
        return TaxCategory(
            code=self.text(element, "cbc:ID"),
            percent=self.number(element, "cbc:Percent"),
            scheme=scheme_of[element],
            exemption_reason=self.text(element, "cbc:TaxExemptionReason"),
            exemption_code=self.text(element, "cbc:TaxExemptionReasonCode"),
        )

    def _allowances_charges(self, parent: etree._Element) -> tuple[AllowanceCharge, ...]:
        return tuple(
            AllowanceCharge(
                charge=self.flag(e, "cbc:ChargeIndicator"),
                amount=self.number(e, "cbc:Amount"),
                percent=self.number(e, "cbc:MultiplierFactorNumeric"),
                base_amount=self.number(e, "cbc:BaseAmount"),
                reason=self.text(e, "cbc:AllowanceChargeReason"),
                reason_code=self.text(e, "cbc:AllowanceChargeReasonCode"),
                tax=self._tax_category(e, "cac:TaxCategory"),
            )
            for e in findall(parent, "cac:AllowanceCharge")
        )

    def _lines(self) -> tuple[CapturedLine, ...]:
        path = "cac:InvoiceLine" if self.kind == INVOICE else "cac:CreditNoteLine"
        return tuple(self._line(element) for element in findall(self.root, path))

    def _line(self, element: etree._Element) -> CapturedLine:
        quantity = find(element, "cbc:InvoicedQuantity")
        if quantity is None:
            quantity = find(element, "cbc:CreditedQuantity")
        item, price = find(element, "cac:Item"), find(element, "cac:Price")
        name, description = self.text(item, "cbc:Name"), self.text(item, "cbc:Description")
        tax = self._tax_category(item, "cac:ClassifiedTaxCategory")
        if tax is None:
            tax = self._tax_category(element, "cac:TaxTotal/cac:TaxSubtotal/cac:TaxCategory")
        return CapturedLine(
            line_number=self.text(element, "cbc:ID"),
            description=description or name,
            name=name,
            quantity=self.number(quantity),
            unit=attribute(quantity, "unitCode"),
            unit_price=self.number(price, "cbc:PriceAmount"),
            price_base_quantity=self.number(price, "cbc:BaseQuantity"),
            net=self.number(element, "cbc:LineExtensionAmount"),
            tax=tax,
            allowances_charges=self._allowances_charges(element),
            order_reference=self.text(element, "cac:OrderLineReference/cac:OrderReference/cbc:ID"),
            order_line_reference=self.text(element, "cac:OrderLineReference/cbc:LineID"),
            seller_item_id=self.text(item, "cac:SellersItemIdentification/cbc:ID"),
            buyer_item_id=self.text(item, "cac:BuyersItemIdentification/cbc:ID"),
            standard_item_id=self.text(item, "cac:StandardItemIdentification/cbc:ID"),
            gross_price=self.number(price, "cac:AllowanceCharge/cbc:BaseAmount"),
            invoice_references=self.texts(
                element, "cac:BillingReference/cac:InvoiceDocumentReference/cbc:ID"
            ),
            period=self._period(element),
            has_quantity=quantity is not None,
            has_unit=quantity is not None and "unitCode" in quantity.attrib,
            note=" ".join(self.texts(element, "cbc:Note")),
        )
