"""What runs inside a bundle: standard library only, Python 3.9 and later.

::

    stub               the commands: info, check, exec, run
    bundle_format      the archive, checked (the same file as in `manager.plugins`)
    interpreter_probe  what this Python is (the same file as in `manager.interpreters`)
    cache              where this bundle keeps what it made: all that a warm start asks
    environments       the environment: in venvoy's store, else in that cache
    staging            what is made there: locked, renamed when whole, flushed behind
    wheels             a wheel, unpacked by scheme
    wheel_archive      the archive that a wheel is
    workers            the cores, sharing the wheels
    configs            files of connectors and workers
    choosing           which class a config means
    connectors         a connector's file, made the request that the host takes
    pep440, maven, version_specs, names, json_configs, properties
                       venvoy's own readers (the same files as in `manager.carried`)
"""
