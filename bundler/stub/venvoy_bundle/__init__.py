"""What runs inside a bundle: standard library only, Python 3.9 and later.

::

    stub               the commands: info, check, exec, run
    bundle_format      the archive, checked (the same file as in `manager.plugins`)
    interpreter_probe  what this Python is (the same file as in `manager.interpreters`)
    environments       the environment: in venvoy's store, else in a cache of the user's
    wheels             a wheel, unpacked by scheme
    connectors         a connector's file, made the request that the host takes
"""
