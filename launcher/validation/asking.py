"""Asks every plugin of a config, in its own environment; one host asks all of an environment."""

import asyncio
from collections.abc import Sequence

from launcher.validation.environments import Environments
from launcher.validation.inspectors import Inspectors
from launcher.validation.parts import Answer, Part
from manager.errors import VenvoyError
from manager.plugins.catalog import Plugin
from manager.plugins.locations import Location, Shape
from manager.store.environments import Environment

__all__ = ["ask_all"]


async def ask_all(
    parts: Sequence[Part],
    own: Location,
    environments: Environments,
    inspectors: Inspectors,
    *,
    secrets: frozenset[str],
) -> list[Answer]:
    """Ask the plugins of all parts at once; return the answers in the order of the parts.

    `own` is the connector's location: the API's own plugins run in any host, so in the connector's
    (design 9), unless its environment cannot be made. `secrets` are hidden in what is printed.
    """
    wanted = {part.plugin.location for part in parts if part.plugin is not None}
    made = dict(
        zip(
            wanted, await asyncio.gather(*(_made(one, environments) for one in wanted)), strict=True
        )
    )
    homes = {
        location: own if location.builtin and isinstance(made.get(own), Environment) else location
        for location in wanted
    }
    answers: dict[int, Answer] = {}
    groups: dict[Location, list[tuple[int, Part, Plugin]]] = {}
    for number, part in enumerate(parts):
        plugin = part.plugin
        if plugin is None:
            answers[number] = Answer(part=part)
            continue
        groups.setdefault(homes[plugin.location], []).append((number, part, plugin))
    for found in await asyncio.gather(
        *(_asked(home, group, made[home], inspectors, secrets) for home, group in groups.items())
    ):
        answers |= found
    return [answers[number] for number in range(len(parts))]


async def _made(location: Location, environments: Environments) -> Environment | VenvoyError:
    try:
        return await environments.of(location)
    except VenvoyError as error:
        return error


async def _asked(
    home: Location,
    group: Sequence[tuple[int, Part, Plugin]],
    made: Environment | VenvoyError,
    inspectors: Inspectors,
    secrets: frozenset[str],
) -> dict[int, Answer]:
    failure = made if isinstance(made, VenvoyError) else None
    if isinstance(made, Environment):
        questions = [part.question(plugin) for _, part, plugin in group]
        isolated = home.shape is not Shape.WORKER
        try:
            told = await inspectors.ask(made, questions, isolated=isolated, secrets=secrets)
        except VenvoyError as error:
            failure = error
        else:
            return {
                number: Answer(part=part, inspected=inspected)
                for (number, part, _), inspected in zip(group, told, strict=True)
            }
    return {number: Answer(part=part, failure=failure) for number, part, _ in group}
