"""The Pythons that plugins may run on: `interpreter` asks one what it is, `search` finds them."""
