"""Readers that a bundle carries too: standard library only, Python 3.9 and later.

::

    pep440         versions and specifiers
    maven          Maven's ranges
    version_specs  what a config may ask for
    names          the names of classes
    json_configs   JSON whose numbers keep their text
    properties     configuration files

A bundle holds these very files (`venvoy_bundle/NAME.py`), so that it reads what venvoy reads. They
import each other relatively, since the package that they lie in has another name there.
"""
