"""Records on a disk that is read-only for a while: `unshare -rm python -m ... FOLDER`.

One thread writes, and two have read meanwhile; they still do when the disk can be written again.
"""

import gc
import subprocess
import sys
import threading
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

from django.db import OperationalError, connections, transaction

from chaindeck.records import setup
from chaindeck.records.connecting import connected, log_kept

LIMIT_S = 20


def main(folder: Path) -> None:
    subprocess.run(["mount", "-t", "tmpfs", "none", folder], check=True)
    setup.configure(folder, {})
    setup.migrate(folder)
    connections.close_all()
    # Neither who holds an error nor chance is to let anything go.
    gc.disable()
    house = House()
    with log_kept(), ThreadPoolExecutor(1) as writer, ThreadPoolExecutor(2) as readers:
        print(writer.submit(house.write).result())
        subprocess.run(["mount", "-o", "bind,ro", folder, folder], check=True)
        print(writer.submit(house.write).result())
        reading = [readers.submit(house.read) for _ in range(2)]
        house.arrived.wait()
        subprocess.run(["mount", "-o", "remount,bind,rw", folder], check=True)
        print(writer.submit(house.write).result())
        house.leave.set()
        print(*(done.result() for done in reading))
        print(writer.submit(house.write).result())


class House:
    def __init__(self) -> None:
        self.arrived, self.leave = threading.Barrier(3, timeout=LIMIT_S), threading.Event()
        self.held: list[OperationalError] = []

    def write(self) -> str:
        from chaindeck.records.services import events

        try:
            with connected(), transaction.atomic():
                events.journal_try()
        except OperationalError as error:
            self.held.append(error)
            return str(error)
        return "written"

    def read(self) -> str:
        from chaindeck.records.selectors import events

        with connected():
            events.events_bounds()
            self.arrived.wait()
            self.leave.wait(LIMIT_S)
        return "read"


main(Path(sys.argv[1]))
