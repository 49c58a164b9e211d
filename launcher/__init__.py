"""Run time: a connector's config -> a version -> an environment -> running tasks.

`settings` reads the worker's config, `connector_config` a connector's, `plan` decides which
environment runs which stage, `hosts` and `tasks` run them, `log` keeps topics and offsets,
`worker` drives it all; `cli` is the command line and `render` the only file that prints.
`shared/` is exactly what a plugin sees of us.
"""
