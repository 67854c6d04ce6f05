"""The invented company is the same everywhere, and as messy as it promises to be."""

from __future__ import annotations

import csv
import hashlib
from pathlib import Path

import pytest

from instep.demo import words
from instep.demo.cast import cast_of
from instep.demo.dice import Dice
from instep.demo.exports import activity, append_activity, read_exports, write_exports
from instep.demo.generate import Size, generate
from instep.demo.scene import START, Scene
from instep.errors import ConfigError

SMALL = Size(firms=90, buyers=600, deals=170)


@pytest.fixture(scope="module")
def scene() -> Scene:
    return generate()


def digest_of(folder: Path) -> str:
    files = sorted(folder.glob("*.csv"))
    return hashlib.sha256(b"".join(file.read_bytes() for file in files)).hexdigest()


def test_the_same_bytes_come_out_on_every_machine(tmp_path, scene):
    write_exports(scene, tmp_path)
    assert digest_of(tmp_path) == "cd99ffc9681d08b082652c4bf3360917b6f5af9d3e4920c55587a92d969e731b"


def test_another_seed_gives_another_company():
    assert generate(SMALL, seed=1) != generate(SMALL, seed=2)


def test_there_is_as_much_of_everything_as_was_asked_for(scene):
    assert (len(scene.firms), len(scene.buyers), len(scene.deals)) == (300, 2_000, 600)
    assert len(scene.acts) > 3_000


def test_three_verticals_have_a_representative_and_an_account_manager_each(scene):
    jobs = {(c.segment, c.job) for c in scene.colleagues if c.segment}
    assert jobs == {(s, j) for s in ("e-commerce", "life-sciences", "higher-education") for j in ("sales", "service")}


def test_no_address_and_no_domain_is_real_or_taken_twice(scene):
    emails = [buyer.email for buyer in scene.buyers if buyer.email]
    assert len(set(emails)) == len(emails)
    assert len({firm.domain for firm in scene.firms}) == len(scene.firms)
    assert all(name.endswith(".example") for name in [*emails, *(firm.domain for firm in scene.firms)])


def test_the_mess_is_there(scene):
    both = [b for b in scene.buyers if b.known.files and b.known.system]
    assert sum(b.title != b.other_title for b in both) > 100
    assert sum(not b.email for b in scene.buyers) > 20
    assert sum(b.opted_out.files != b.opted_out.system for b in both) > 20
    assert sum(b.tied.files != b.tied.system for b in both) > 50
    assert any(b.owner == "wilma" for b in scene.buyers)
    assert [f.spelled_industry for f in scene.firms].count(words.UNMAPPED_INDUSTRY) == 1


def test_nobody_who_is_known_to_both_sides_lacks_an_address(scene):
    assert all(b.email for b in scene.buyers if b.known.files and b.known.system)


def test_nothing_happened_after_the_story_begins(scene):
    assert max(act.at for act in scene.acts) < START


def test_every_act_is_recorded_by_a_side_that_knows_the_buyer_and_the_deal(scene):
    for act in scene.acts:
        known = scene.buyer[act.buyer].known
        assert getattr(known, act.recorded_by)
        if act.deal:
            known = scene.deal[act.deal].known
            assert getattr(known, act.recorded_by)


def test_the_story_has_its_people(scene):
    cast = cast_of(scene)
    deals = {cast.deal.reference, cast.won.reference, cast.customer_deal.reference}
    assert len(deals) == 3
    assert len(cast.touched(scene)) >= 8


def test_a_company_too_small_for_the_story_is_refused():
    with pytest.raises(ConfigError, match="too small"):
        cast_of(generate(Size(firms=3, buyers=5, deals=1)))


def test_a_new_activity_is_one_more_line(tmp_path):
    scene = generate(SMALL)
    write_exports(scene, tmp_path)
    before = (tmp_path / "activities.csv").read_text(encoding="utf-8")
    append_activity(tmp_path, activity(scene, cast_of(scene).benefit(START)))
    after = (tmp_path / "activities.csv").read_text(encoding="utf-8")
    assert after.startswith(before)
    assert next(csv.reader([after.removeprefix(before)]))[2] == "benefit"


def test_what_was_written_is_read_back(tmp_path):
    scene = generate(SMALL)
    write_exports(scene, tmp_path)
    held = list(read_exports(tmp_path))
    known = [one.key for group in (scene.firms, scene.buyers, scene.deals) for one in group if one.known.files]
    assert [one.id for one in held] == known


def test_dice_draw_different_things():
    assert sorted(Dice(1).some("abc", 5)) == ["a", "b", "c"]
