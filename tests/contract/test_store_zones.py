"""What every store promises of zones."""

import shapely
from store_examples import activated

from jagawana.rules.zones import Zone
from jagawana.schemas.alert import ZoneKind
from jagawana.services.store.port import Store


def test_zones_are_found_by_place_and_the_version_tells_their_content(store: Store) -> None:
    with store.transaction() as tx:
        none = tx.zones.version()
    park = Zone("park-1", ZoneKind.CONSERVATION, "Park", shapely.box(110.5, -1.3, 110.7, -1.0), "parks", "1", "test")
    far = Zone("iup-1", ZoneKind.CONCESSION, "PT Jauh", shapely.box(112.0, -1.3, 112.1, -1.2), "concessions", "1", "test")
    both = activated(store, park, far)
    assert both != none
    with store.transaction() as tx:
        (found,) = tx.zones.active((110.6, -1.2, 110.65, -1.1))
        assert (found.zone_id, found.layer_version) == ("park-1", "1") and found.geometry.equals(park.geometry)
        assert tx.zones.kinds_loaded() == {ZoneKind.CONSERVATION, ZoneKind.CONCESSION}
    moved = Zone("park-1", ZoneKind.CONSERVATION, "Park", shapely.box(100, -1.3, 100.7, -1.0), "parks", "2", "test")
    assert activated(store, moved) not in (both, none)
    with store.transaction() as tx:
        assert tx.zones.active((110.6, -1.2, 110.65, -1.1)) == []
    assert activated(store, park) == both, "back to the old layer is back to the old word"
