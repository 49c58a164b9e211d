"""Where plugins live: unpacked wheels, environments of links, and copies of the API (design 6).

`store` is the whole, `layout` its drawing; `filling` takes wheels in (`wheels` checks them,
`unpacking` and `bytecode` do the work), `environments` makes environments (`skeletons`, `links`,
`scripts`), `verify` tries their entry points, `receipts` are what is written down.
"""
