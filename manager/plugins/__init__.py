"""What is on a plugin path, read without importing: places, locations, metadata, the catalog.

`plugin_path` finds locations, `location_content` reads one (`distributions`, `entry_points`,
`tool_settings`), `catalog` lays all plugins into one order with what is broken and shadowed, and
`selection` chooses the one that a config means (`versions`, `names`).
"""
