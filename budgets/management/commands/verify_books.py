"""Proves that ledger, balances, documents and audit trail agree, and prints what it compared."""

from argparse import ArgumentParser
from typing import Any

from django.core.management.base import BaseCommand, CommandError

from budgets import invariants
from core.snapshot import patient, snapshot


class Command(BaseCommand):
    help = "Prove that ledger, balances, documents and audit trail agree; exit 1 when they do not."

    def add_arguments(self, parser: ArgumentParser) -> None:
        parser.add_argument(
            "--list", action="store_true", help="name the checks and the rules that each proves"
        )

    def handle(self, *args: Any, **options: Any) -> None:
        if options["list"]:
            for name, rules in invariants.registered().items():
                self.stdout.write(f"{name:<24} {' '.join(rules)}".rstrip())
            return
        faults: list[str] = []
        with snapshot(), patient():
            for name, proof in invariants.prove():
                verdict = "differs" if proof.faults else "agrees"
                self.stdout.write(f"{name:<24} {verdict:<8} {proof.compared}")
                for fault in proof.faults:
                    self.stdout.write(self.style.ERROR(f"  {fault}"))
                faults += proof.faults
        if faults:
            raise CommandError(f"The books do not hold. First: {faults[0]}")
        self.stdout.write(self.style.SUCCESS("The books hold."))
