"""An example item of each resource, without the fields that have no data."""

from collections.abc import Mapping

from api.docs import examples
from api.pdc.resources.files import DEPENDENCIES
from api.pdc.routes import BASE

TIMESTAMP = "2026-11-03T18:00:00.000000Z"
URL = f"{examples.URL}{BASE}"
REPO = {
    "id": 1,
    "release_id": "shop-1.0",
    "variant_uid": "Server",
    "arch": "x86_64",
    "service": "pulp",
    "repo_family": "dist",
    "content_format": "rpm",
    "content_category": "binary",
    "name": "shop-rpms",
    "shadow": False,
    "product_id": None,
}
CHANGE = {
    "resource": "release-schedules",
    "resource_id": "1",
    "old_value": None,
    "new_value": {"release": "shop-1.0", "sla": "security", "date": "2099-06-30"},
}
ITEMS: Mapping[str, Mapping[str, object]] = {
    "release-schedules": {
        "id": 1,
        "release": "shop-1.0",
        "sla": "security",
        "date": "2099-06-30",
        "active": True,
        "release_url": f"{URL}/releases/shop-1.0/",
        "sla_url": f"{URL}/component-sla-types/1/",
    },
    "released-files": {
        "id": 1,
        "file_primary_key": 1,
        "repo": REPO,
        "released_date": "2026-11-04",
        "release_date": "2026-11-03",
        "created_at": TIMESTAMP,
        "updated_at": TIMESTAMP,
        "zero_day_release": False,
        "obsolete": False,
        "build": "bash-5.2-x86_64",
        "package": "bash",
        "file": "bash-5.2-1.x86_64.rpm",
    },
    "releases": {
        "release_id": "shop-1.0",
        "short": "shop",
        "version": "1.0",
        "name": "Shop 1.0",
        "active": True,
        "product_version": "shop-1",
        "release_type": "ga",
        "allow_buildroot_push": False,
    },
    "products": {"name": "Shop", "short": "shop", "active": True, "product_versions": ["shop-1"]},
    "product-versions": {
        "name": "Shop 1",
        "short": "shop",
        "version": "1",
        "active": True,
        "product_version_id": "shop-1",
        "product": "shop",
        "releases": ["shop-1.0"],
    },
    "component-sla-types": {"id": 1, "name": "security", "description": "Fixes of what endangers users."},
    "release-variants": {
        "release": "shop-1.0",
        "id": "Server",
        "uid": "Server",
        "name": "Server",
        "type": "variant",
        "arches": ["aarch64", "x86_64"],
        "variant_version": "1.0",
        "variant_release": "1",
    },
    "content-delivery-repos": REPO,
    "rpms": {
        "id": 1,
        "name": "bash",
        "version": "5.2",
        "epoch": 0,
        "release": "1",
        "arch": "x86_64",
        "srpm_name": "bash",
        "srpm_nevra": "bash-0:5.2-1.src",
        "filename": "bash-5.2-1.x86_64.rpm",
        "dependencies": {name: [] for name in DEPENDENCIES},
    },
    "changesets": {
        "id": 7,
        "author": "root",
        "requested_on": TIMESTAMP,
        "committed_on": TIMESTAMP,
        "duration": "0:00:00.004000",
        "comment": "Support is extended.",
        "changes": [CHANGE],
    },
}
