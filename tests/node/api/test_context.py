"""The shelf keeps encoded things within its bytes."""

from chaindeck.node.api.context import Shelf


def test_thing_not_used_for_longest_goes_first():
    shelf: Shelf[str] = Shelf(10)
    shelf.put("a", b"1234")
    shelf.put("b", b"1234")
    assert shelf.get("a")
    shelf.put("c", b"1234")
    assert shelf.get("b") is None
    assert shelf.get("a")
    assert shelf.total_bytes == 8


def test_thing_that_fills_the_shelf_alone_is_kept_and_a_larger_one_not():
    shelf: Shelf[str] = Shelf(10)
    shelf.put("a", bytes(10))
    shelf.put("b", bytes(11))
    assert shelf.get("a")
    assert shelf.get("b") is None


def test_thing_that_is_there_is_not_counted_twice():
    shelf: Shelf[str] = Shelf(10)
    shelf.put("a", bytes(6))
    shelf.put("a", bytes(6))
    assert shelf.total_bytes == 6
