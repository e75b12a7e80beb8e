"""Random walks of a store against a naive rebuild: connect, disconnect, settle, crash, abandon."""

import random
import shutil
from functools import cache

from hypothesis import given, settings
from hypothesis import strategies as st

from chaindeck.ledger.coins import coins_hash_of
from tests.ledger.forge import dev_network
from tests.store.chains import Chain, Rebuilt, expect_equal, forge_block, grow, small_store

LENGTH = 8


@cache
def branches():
    """Two branches from the genesis block: blocks and changes of each."""
    network = dev_network(maturity=1)
    forges = [Chain(network), Chain(network)]
    for number, forge in enumerate(forges):
        grow(forge, random.Random(number + 50), LENGTH)
    return [
        [(*forge_block(forge, at), forge.changes[at - 1]) for at in range(1, LENGTH + 1)]
        for forge in forges
    ], network


class Walk:
    """A store and the path of blocks that it should stand on."""

    def __init__(self, folder, branch_list, network):
        self.folder = folder
        self.branches = branch_list
        self.network = network
        self.path = []
        self.side = 0
        self.store = self.open()

    def open(self):
        return small_store(self.folder, Chain(self.network), settle_rows=80)

    def up(self, count):
        """Connect some blocks, each a commit."""
        for entry, block, change in self.branches[self.side][len(self.path) :][:count]:
            self.store.connect(entry, block, change)
            self.path.append(block)

    def down(self, count):
        for _ in range(min(count, len(self.path))):
            change = self.store.disconnect(self.path.pop().hash)
            assert change == self.branches[self.side][len(self.path)][2]

    def switch(self, count):
        """Go to the other branch, as one commit."""
        with self.store.writing() as batch:
            while self.path:
                batch.disconnect(self.path.pop().hash)
            self.side = 1 - self.side
            for entry, block, change in self.branches[self.side][:count]:
                batch.connect(entry, block, change)
                self.path.append(block)

    def settle(self, _count):
        self.store.settle()

    def reopen(self, _count):
        self.store.close()
        self.store = self.open()

    def crash(self, count):
        """Go on with what a killed process would have left."""
        copy = self.folder.with_name(f"{self.folder.name}-{count}-copy")
        shutil.rmtree(copy, ignore_errors=True)
        shutil.copytree(self.folder, copy)
        self.store.close()
        shutil.rmtree(self.folder)
        copy.rename(self.folder)
        self.store = self.open()


STEPS = st.lists(
    st.tuples(
        st.sampled_from(["up", "up", "down", "switch", "settle", "reopen", "crash"]),
        st.integers(1, 5),
    ),
    max_size=12,
)


@settings(max_examples=settings().max_examples // 2)
@given(STEPS)
def test_store_holds_what_its_path_says(tmp_path_factory, steps):
    folder = tmp_path_factory.mktemp("walk") / "store"
    walk = Walk(folder, *branches())
    for name, count in steps:
        getattr(walk, name)(count)
        tip = walk.path[-1].hash if walk.path else walk.network.block.hash
        assert walk.store.tip() == tip
        rebuilt = Rebuilt([walk.network.block, *walk.path])
        assert walk.store.coins_hash() == coins_hash_of(rebuilt.coins)
    expect_equal(walk.store, walk.path)
    walk.store.close()
    shutil.rmtree(folder)
