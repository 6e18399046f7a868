"""The word that commands begin with: each repository may have its own."""

import pytest

from bot.rules import replies
from bot.store.handled_comments import HandledComment
from bot.store.projects import Repository
from tests.handlers.test_comments import add_comment, reply_to
from tests.world import World


@pytest.fixture
async def ship(world: World) -> World:
    """A repository whose commands begin with `/ship`."""
    await Repository.all().update(command="/ship")
    return world


async def test_commands_begin_with_the_word_of_the_repository(ship: World) -> None:
    assert "Cut `1.0-rc1`" in await reply_to(ship, f"/ship cut 1.0 at {ship.github.head()}")


async def test_the_usual_word_is_somebody_elses_there(ship: World) -> None:
    number = await ship.github.pull_request()
    for body in ("/release cut 1.0", "/release ctu", "/relase cut 1.0", "/release"):
        await add_comment(ship, body, pull=number)
    assert ship.replies(number) == []
    assert await HandledComment.all().count() == 0


async def test_help_and_advice_show_the_word(ship: World) -> None:
    for body in ("/ship help", "/ship help deploy", "/ship deploy", "/ship ctu 1.0", "/shpi cut 1.0"):
        reply = await reply_to(ship, body)
        assert "`/ship " in reply and "/release" not in reply, reply


async def test_the_reply_to_an_edit_shows_the_word(ship: World) -> None:
    number, comment = await add_comment(ship, "/release status")
    await ship.github.edit_comment(comment, "/release help")
    await ship.settle()
    assert ship.replies(number) == []
    await ship.github.edit_comment(comment, "/ship help")
    await ship.settle()
    assert ship.replies(number)[0].startswith(replies.edited("/ship"))


async def test_the_words_of_other_programs_store_nothing(world: World) -> None:
    for body in ("/ship cut 1.0", "/test", "/lgtm\n/approve", "/usr/bin"):
        await add_comment(world, body)
    assert await HandledComment.all().count() == 0
    assert await world.jobs("command") == []
