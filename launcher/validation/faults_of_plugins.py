"""What it means for a config when a plugin cannot be asked, in Kafka Connect's words."""

from launcher.validation.choosing import INTERFACES, abstract_text, wrong_type_text
from launcher.validation.framework_values import ValueFaultError
from launcher.validation.inspectors import Fault
from manager.plugins.catalog import Plugin
from manager.plugins.entry_points import PluginType

__all__ = ["class_fault_text"]

_ALIASED = (PluginType.TRANSFORMATION, PluginType.PREDICATE)


def class_fault_text(fault: Fault, plugin: Plugin, *, key: str, role: str) -> str:
    """Return the fault of the key that names the plugin's class.

    `role` is `connector`, `key converter` and so on, as Kafka calls it in texts.
    """
    name = plugin.class_name
    constructor = {
        "no-constructor": "Could not find a public no-argument constructor for class",
        "constructor": "Could not instantiate class",
    }.get(fault.kind)
    if constructor is not None:
        reason = f"{constructor}: {fault.message}"
        if plugin.type in _ALIASED:
            interface = INTERFACES[plugin.type]
            reason = f"Error getting config definition from {interface}: {reason}"
        return str(ValueFaultError(key, name, reason))
    if fault.kind == "abstract":
        return abstract_text(fault.children)
    if fault.kind == "not-a-plugin":
        return wrong_type_text(name, plugin.type)
    if fault.kind == "no-definition":
        return f"{name}.config() must return a ConfigDef that is not null."
    step = {
        "definition": f"load ConfigDef from {role}",
        "validation": f"perform config validation for {role}",
        "failed": f"perform config validation for {role}",
    }.get(fault.kind, f"load class {name}")
    return f"Failed to {step}: {fault.message}"
