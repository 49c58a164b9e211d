"""Software bills of materials: CycloneDX 1.6, the same bytes for the same content.

There is no time in it, and the serial number is made from the content. Plugins are applications
that depend on the packages of their locks; a wheel is an external reference with its sha256.
"""

import json
import uuid
from collections.abc import Iterable, Sequence
from typing import Final

from cyclonedx.model import (
    ExternalReference,
    ExternalReferenceType,
    HashAlgorithm,
    HashType,
    Property,
    XsUri,
)
from cyclonedx.model.bom import Bom
from cyclonedx.model.component import Component, ComponentType
from cyclonedx.output.json import JsonV1Dot6
from packageurl import PackageURL

from bundler.inventory import Inventory, InventoryPackage
from manager.digests import JsonValue, canonical_json, sha256_of

__all__ = ["make_sbom"]

_NAMESPACE: Final = uuid.uuid5(uuid.NAMESPACE_URL, "venvoy:sbom")


def make_sbom(inventories: Sequence[Inventory]) -> bytes:
    """Return the SBOM of one plugin, or of all that are on a plugin path, as JSON.

    One plugin is the subject itself; of several, each is a component beside its packages.
    """
    ordered = sorted(inventories, key=lambda one: (one.name, one.version, one.plugin_digest))
    bom = Bom()
    packages = _packages(ordered)
    bom.components.update(packages.values())
    for inventory in ordered:
        plugin = _plugin(inventory)
        if len(ordered) == 1:
            bom.metadata.component = plugin
        else:
            bom.components.add(plugin)
        # What nobody requires is there for the plugin itself: `extra`, or a lock without a graph.
        inner = {name for one in inventory.packages for name in one.requires}
        inner -= {*inventory.own, *inventory.requires}
        wanted = [one for one in inventory.packages if one.name not in inner]
        bom.register_dependency(plugin, [packages[one.name, one.version] for one in wanted])
    for inventory in ordered:
        by_name: dict[str, list[Component]] = {}
        for one in inventory.packages:
            by_name.setdefault(one.name, []).append(packages[one.name, one.version])
        for one in inventory.packages:
            needs = [component for name in one.requires for component in by_name.get(name, ())]
            bom.register_dependency(packages[one.name, one.version], needs)
    bom.metadata.tools.components.clear()
    return _settled(json.loads(JsonV1Dot6(bom).output_as_string()))


def _settled(told: dict[str, JsonValue]) -> bytes:
    """Return the text without the time and with a serial number that follows from the rest."""
    metadata = told.get("metadata")
    if isinstance(metadata, dict):
        metadata.pop("timestamp", None)
    told.pop("serialNumber", None)
    told["serialNumber"] = f"urn:uuid:{uuid.uuid5(_NAMESPACE, sha256_of(told))}"
    canonical = json.loads(canonical_json(told))
    return (json.dumps(canonical, indent=2, ensure_ascii=False, sort_keys=True) + "\n").encode()


def _packages(inventories: Iterable[Inventory]) -> dict[tuple[str, str], Component]:
    """Return a component for each package and version, with the wheels that anyone has of it."""
    found: dict[tuple[str, str], list[InventoryPackage]] = {}
    for inventory in inventories:
        for package in inventory.packages:
            found.setdefault((package.name, package.version), []).append(package)
    return {key: _package(found[key]) for key in sorted(found)}


def _package(same: Sequence[InventoryPackage]) -> Component:
    name, version = same[0].name, same[0].version
    purl = PackageURL("pypi", None, name, version)
    files = sorted({file for package in same for file in package.files}, key=lambda one: one.sha256)
    return Component(
        name=name,
        version=version,
        type=ComponentType.LIBRARY,
        purl=purl,
        bom_ref=str(purl),
        hashes=[_hash(files[0].sha256)] if len(files) == 1 else [],
        external_references=[
            ExternalReference(
                type=ExternalReferenceType.DISTRIBUTION,
                url=XsUri(file.filename),
                hashes=[_hash(file.sha256)],
            )
            for file in files
        ],
    )


def _hash(sha256: str) -> HashType:
    return HashType(alg=HashAlgorithm.SHA_256, content=sha256)


def _plugin(inventory: Inventory) -> Component:
    purl = PackageURL("pypi", None, inventory.name, inventory.version)
    properties = [
        Property(name="venvoy:plugin-digest", value=inventory.plugin_digest),
        Property(name="venvoy:api-requirement", value=inventory.api_requirement),
    ]
    properties += [
        Property(name=f"venvoy:plugin:{kind}", value=name) for kind, name in inventory.plugins
    ]
    return Component(
        name=inventory.name,
        version=inventory.version,
        type=ComponentType.APPLICATION,
        purl=purl,
        bom_ref=f"plugin:{inventory.name}@{inventory.version}#{inventory.plugin_digest[:12]}",
        properties=properties,
    )
