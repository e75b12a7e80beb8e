"""What the installation says of itself, and the page of parts."""

from chaindeck import __version__
from chaindeck.control.pages.about import carried


def test_about_names_version_licence_and_what_is_carried(viewer):
    text = viewer.open("/about")
    assert __version__ in text
    assert "Apache License 2.0" in text
    for name in ("uPlot", "Django", "lmdb"):
        assert name in text
    assert all(part.version and part.licence for part in carried())


def test_design_page_is_for_admins_alone(viewer, admin):
    viewer.open("/design", status=403)
    text = admin.open("/design")
    for part in ("Loading", "Empty", "Filtered to nothing", "Failed", "Not allowed", "Old"):
        assert part in text
    assert "/design" not in viewer.open("/about")
