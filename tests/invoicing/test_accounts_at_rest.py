"""A copy of the database tells nobody where money goes; keys are changed while the portal runs."""

from datetime import timedelta
from io import StringIO

import pytest
from allauth.mfa.models import Authenticator
from cryptography.fernet import Fernet
from django.core.management import CommandError, call_command
from django.db import connection

from administration.models import ChangeRequest
from core import outbox, sealed
from core.errors import DomainError
from core.models import TrailEvent
from invoicing import services
from invoicing.inputs import payees
from invoicing.models import Invoice
from tests.factories import NOW
from tests.vendors.accounts_of import ALL, NEW, OLD, OTHER, known, wanted
from vendors.models import BankAccount
from vendors.services import bank

pytestmark = pytest.mark.django_db


def dump():
    """Every row of every table as text, as a backup holds them."""
    with connection.cursor() as cursor:
        for table in connection.introspection.table_names(cursor):
            cursor.execute(f"SELECT * FROM {connection.ops.quote_name(table)}")
            for row in cursor.fetchall():
                yield table, " ".join(_plain(value) for value in row)


def _plain(value):
    if isinstance(value, bytes | memoryview):
        return bytes(value).decode("latin-1")
    return str(value)


def tables_that_tell(*numbers):
    """Where a number can be read, however it is grouped."""
    return {
        table
        for table, text in dump()
        for number in numbers
        if number in "".join(text.split()).upper()
    }


def lived(org, make, bills, documents):
    """Accounts taken over, asked for, verified, refused and revealed; invoices of all ways."""
    old = known(org.vendor, at=NOW - timedelta(days=1))
    for number in (OTHER, NEW):
        bank.request(
            vendor=org.vendor, data=wanted(number), actor=org.vera, at=NOW, reason="Their letter",
            replaces=old,
        )  # fmt: skip
        account = BankAccount.objects.get(vendor=org.vendor, status="pending")
        if number == OTHER:
            bank.drop(account=account, actor=org.cora, at=NOW, reason="Nobody there knew of it")
            ChangeRequest.objects.all().update(status="withdrawn")
        else:
            bank.verify(
                account=account, actor=org.cora, proposed_by=org.vera, at=NOW, note="Called them"
            )
    bank.reveal(account=old, actor=org.vera, at=NOW)
    order = make.issued(("10", "100"))
    make.receive(order, "10")
    for number in ALL:
        bills.billed(order, ("1", "100"), payee_accounts=payees(number))
    with pytest.raises(DomainError):
        bills.captured(order, ("1", "1"), payee_accounts=payees(OTHER[:-1] + "1"))
    services.import_file(
        entity=org.entity, data=(documents / "invoice.xml").read_bytes(), filename="invoice.xml",
        actor=org.finn, at=NOW,
    )  # fmt: skip
    outbox.drain()


def test_the_whole_database_tells_no_account(org, make, bills, documents):
    lived(org, make, bills, documents)
    assert tables_that_tell(*ALL) == set()
    assert tables_that_tell("••••3000")  # the search itself finds what is there
    sealed_ones = BankAccount.objects.values_list("sealed", flat=True)
    assert {sealed.unseal(each) for each in sealed_ones} == set(ALL)


def keys(settings, **named):
    settings.SEALING_KEYS = named


def indexes():
    found = list(BankAccount.objects.order_by("pk").values_list("index", flat=True))
    return found + [
        each["index"] for row in Invoice.objects.order_by("pk") for each in row.payee_accounts
    ]


def test_keys_are_changed_and_the_old_one_is_not_needed_any_more(
    org, make, bills, documents, settings
):
    old, new = (Fernet.generate_key().decode() for _ in range(2))
    keys(settings, k1=old)
    lived(org, make, bills, documents)
    before, histories = indexes(), BankAccount.history.count() + Invoice.history.count()
    keys(settings, k2=new, k1=old)
    said = StringIO()
    call_command("reseal", stdout=said)
    assert int(said.getvalue().split()[0]) > 10
    keys(settings, k2=new)
    told = TrailEvent.objects.filter(type="vendor.bank_resealed")
    assert told.count() == BankAccount.objects.count()
    assert indexes() == before
    assert BankAccount.history.count() + Invoice.history.count() == histories
    opened = [sealed.unseal(each.sealed) for each in BankAccount.history.all()]
    opened += [
        sealed.unseal(each["sealed"])
        for rows in (Invoice.objects.all(), Invoice.history.all())
        for row in rows
        for each in row.payee_accounts
    ]
    assert set(opened) == set(ALL)
    said = StringIO()
    call_command("reseal", stdout=said)
    assert said.getvalue() == "0 rows resealed\n"


def test_second_factors_are_resealed_with_them(org, settings):
    """One command, after which the old key is needed for nothing."""
    keys(settings, k1=Fernet.generate_key().decode())
    row = Authenticator.objects.create(
        user=org.vera, type=Authenticator.Type.TOTP, data={"secret": sealed.seal("JBSWY3DP")}
    )
    keys(settings, k2=Fernet.generate_key().decode(), **settings.SEALING_KEYS)
    call_command("reseal", stdout=StringIO())
    row.refresh_from_db()
    assert sealed.is_current(row.data["secret"])
    assert sealed.unseal(row.data["secret"]) == "JBSWY3DP"


def test_the_index_key_is_changed_and_accounts_are_still_found(org, make, bills, settings):
    known(org.vendor)
    order = make.issued(("10", "100"))
    make.receive(order, "10")
    before = bills.captured(order, ("1", "100"), payee_accounts=payees(OLD))
    settings.SEALING_INDEX_KEY = "another key of more than forty characters"
    call_command("reseal", stdout=StringIO())
    after = bills.captured(order, ("1", "100"), payee_accounts=payees(OLD))
    for invoice in (before, after):
        assert bills.match(invoice).status == Invoice.Status.CLEARED


def test_a_key_taken_away_too_early_is_said_and_changes_nothing(
    org, make, bills, documents, settings
):
    keys(settings, k1=Fernet.generate_key().decode())
    lived(org, make, bills, documents)
    before = sorted(dump())
    keys(settings, k2=Fernet.generate_key().decode())
    with pytest.raises(CommandError):
        call_command("reseal", stdout=StringIO())
    assert sorted(dump()) == before
