"""Proves that ledger, balances, documents and audit trail agree, and prints what it compared."""

from typing import Any

from django.core.management.base import BaseCommand, CommandError

from budgets import invariants
from core.snapshot import snapshot


class Command(BaseCommand):
    help = "Prove that ledger, balances, documents and audit trail agree; exit 1 when they do not."

    def handle(self, *args: Any, **options: Any) -> None:
        faults: list[str] = []
        with snapshot():
            for name, proof in invariants.prove():
                verdict = "differs" if proof.faults else "agrees"
                self.stdout.write(f"{name:<24} {verdict:<8} {proof.compared}")
                for fault in proof.faults:
                    self.stdout.write(self.style.ERROR(f"  {fault}"))
                faults += proof.faults
        if faults:
            raise CommandError(f"The books do not hold. First: {faults[0]}")
        self.stdout.write(self.style.SUCCESS("The books hold."))
