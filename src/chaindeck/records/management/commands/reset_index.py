"""`chaindeck manage reset_index`: forgets the index of the chain, so that it is read again.

The coordinator may run meanwhile, and begins anew by itself. Labels, people, measurements and the
journal of events stay.
"""

from __future__ import annotations

from django.core.management.base import BaseCommand

from chaindeck.records.services.pieces import chain_reset


class Command(BaseCommand):
    """Takes no options; it may be stopped at any moment, and goes on when run again."""

    help = "Forget the index of the chain; the coordinator reads the chain again."

    def handle(self, *_: object, **__: object) -> None:
        chain_reset()
        self.stdout.write("the index is forgotten; the coordinator reads the chain again")
