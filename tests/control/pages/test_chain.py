"""Blocks and what waits, over real records."""

import re

from chaindeck.records.models import Block
from chaindeck.records.selectors.chain import transactions_page
from chaindeck.records.services.chain import chain_apply
from chaindeck.records.services.pool import pool_add, pool_tell
from tests.control.pages.pools import POOL, waiting


def table_heights(text):
    return [
        int(found.replace(",", "")) for found in re.findall(r'"Height"><a [^>]*>([\d,]+)<', text)
    ]


def test_blocks_are_listed_newest_first_and_the_ribbon_ends_at_the_tip(viewer, chain):
    text = viewer.open("/chain/")
    assert table_heights(text) == list(range(12, -1, -1))
    assert text.count('data-kind="tip"') == 2  # the tip, and the template of the next one
    assert f'data-hash="{chain.tip}"' in text


def test_ribbon_tells_the_fees_of_mined_and_of_projected_blocks(viewer, chain):
    pool_tell(data=POOL)
    text = viewer.open("/chain/")
    tip = text[text.index(f'data-hash="{chain.tip}"') :]
    said = re.search(r'data-is="fee">([\d,]+)(\N{EN DASH}([\d,]+))? /kB<', tip)
    assert said is not None
    assert int(said[1].replace(",", "")) <= int((said[3] or said[1]).replace(",", ""))
    assert 'data-is="fee">10\N{EN DASH}1,200 /kB<' in text


def test_block_of_an_older_version_tells_its_average_fee(viewer, chain):
    Block.objects.filter(hash=chain.tip).update(lowest_per_kb=None, highest_per_kb=None)
    tip = viewer.open("/chain/").partition(f'data-hash="{chain.tip}"')[2]
    assert re.search(r'data-is="fee">about [\d,]+ /kB<', tip)


def test_block_without_payments_says_that_it_has_no_fees(viewer, chain):
    chain_apply(blocks=chain.grow(payments=0))
    tip = viewer.open("/chain/").partition(f'data-hash="{chain.tip}"')[2]
    assert tip.partition('data-is="fee">')[2].startswith("no fees<")


def test_pages_of_blocks_join_without_gap_or_repeat(viewer, database, rng):
    from tests.records.test_chain import grown

    grown(rng, blocks=60, payments=0)
    heights: list[int] = []
    path: str | None = "/chain/"
    while path:
        text = viewer.open(path)
        heights += table_heights(text)
        found = re.search(r'href="(\?[^"]*after=\d+)"', text)
        path = f"/chain/{found[1]}" if found else None
    assert heights == list(range(60, -1, -1))


def test_filter_by_height_and_by_day_stands_in_the_address(viewer, chain):
    assert table_heights(viewer.open("/chain/?from=5")) == [5, 4, 3, 2, 1, 0]
    made = chain.blocks[-1].block.header.time_ms
    day = re.search(r"\d{4}-\d\d-\d\d", viewer.open(f"/block/{chain.tip}"))
    assert made
    assert day is not None
    assert table_heights(viewer.open(f"/chain/?day={day[0]}"))[0] == 12
    empty = viewer.open("/chain/?day=1999-01-01")
    assert "No block fits" in empty


def test_a_mark_or_a_day_that_no_page_gave_is_refused(viewer, chain):
    viewer.open("/chain/?after=x", status=400)
    viewer.open("/chain/?day=yesterday", status=400)
    viewer.open("/block/3?after=x", status=400)


def test_block_is_found_by_height_and_by_hash_with_ways_on(viewer, chain):
    by_height, by_hash = (
        viewer.open("/block/11"),
        viewer.open(f"/block/{chain.blocks[11].block.hash.hex()}"),
    )
    for text in (by_height, by_hash):
        assert "Block 11" in text
        assert f'rel="prev" href="/block/{chain.blocks[10].block.hash.hex()}"' in text
        assert f'rel="next" href="/block/{chain.tip}"' in text
    assert 'rel="next"' not in viewer.open("/block/12")
    assert 'rel="prev"' not in viewer.open("/block/0")


def test_block_lists_its_transactions_page_by_page(viewer, database, rng):
    from tests.records.test_chain import grown

    grown(rng, blocks=4, payments=40)
    found: list[str] = []
    path: str | None = "/block/4"
    while path:
        text = viewer.open(path)
        found += re.findall(r'data-label="No.">(\d+)<', text)
        more = re.search(r'href="(\?[^"]*after=\d+)"', text)
        path = f"/block/4{more[1]}" if more else None
    assert found == [str(number) for number in range(41)]


def test_block_that_was_taken_back_says_so_and_names_what_came_instead(viewer, chain):
    other = chain.fork(10)
    other.grow(3)
    chain_apply(blocks=other.blocks[11:], rewind_to=10)
    text = viewer.open(f"/block/{chain.tip}")
    assert "Taken back" in text
    assert other.blocks[12].block.hash.hex() in text
    assert 'rel="next"' not in text
    assert "Taken back" not in viewer.open("/block/12")


def test_block_that_is_not_there_says_what_kinds_of_things_are(viewer, chain):
    text = viewer.open("/block/99", status=404)
    for kind in ("height", "hash", "transaction", "address", "label", "day"):
        assert kind in text
    viewer.open(f"/block/{'0' * 64}", status=404)
    viewer.open("/block/nonsense", status=404)


def test_hostile_address_parts_are_escaped(viewer, chain):
    for path in ("/tx/%3Cscript%3Ealert(1)%3C%2Fscript%3E", "/block/%3Cscript%3Ealert(1)"):
        assert "<script>alert" not in viewer.open(path, status=404)
    text = viewer.open("/chain/?from=%22%3E%3Cscript%3E")
    assert '"><script>' not in text


def test_queries_do_not_grow_with_rows(viewer, database, rng):
    from tests.records.test_chain import grown

    grower = grown(rng, blocks=3, payments=1)
    paths = ("/chain/", "/block/3", f"/tx/{transactions_page().rows[0]['id']}", "/mempool")
    before = [viewer.queries(path) for path in paths]
    chain_apply(blocks=grower.grow(40, 12))
    after = [viewer.queries(path) for path in ("/chain/", "/block/43", *paths[2:])]
    assert before == after
    assert max(after) <= 12


def test_index_that_is_behind_says_by_how_much(viewer, chain):
    from chaindeck.records.services.nodes import node_update

    node_update(name="node-1", chain_height=42, is_active=True, state="up")
    assert "behind by 30" in viewer.open("/chain/")


def test_empty_records_say_why_and_fail_nowhere(viewer, coordinator):
    assert "No blocks yet" in viewer.open("/chain/")
    assert "Nothing waits" in viewer.open("/mempool")
    viewer.open("/")
    viewer.open(f"/tx/{'cd' * 32}", status=404)
    viewer.open("/address/deck1nothing", status=404)


def test_mempool_shows_totals_histogram_and_projected_blocks(viewer, chain):
    pool_add(transactions=[waiting(chain, tx_hash=f"{number:064x}") for number in range(3)])
    pool_tell(data=POOL)
    text = viewer.open("/mempool")
    assert text.count('data-label="Transaction"') == 3
    assert 'data-kind="next"' in text
    assert 'rect width="82"' in text
    assert 'rect width="100"' in text
