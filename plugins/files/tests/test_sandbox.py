"""The sandbox: a colleague's hands are not the connector's, and the log tells them apart."""

from instep_files.sandbox import files_sandbox


def test_a_colleague_adds_changes_and_removes_rows_unseen() -> None:
    with files_sandbox() as sandbox:
        world = sandbox.world
        id = world.create("people", name='Ada "the first"', city="Ulm, or Bonn")
        world.load("people", [{"name": "Bob"}])
        world.edit("people", id, city="Kyiv")
        assert world.read("people", id) == {
            **dict.fromkeys(("email", "title", "stage", "opted_out", "company"), ""),
            "id": id,
            "name": 'Ada "the first"',
            "city": "Kyiv",
        }
        world.delete("people", id)
        assert [row["name"] for row in world.all("people")] == ["Bob"]
        assert sandbox.log.calls() == ()


def test_every_opening_by_others_is_noted() -> None:
    with files_sandbox() as sandbox:
        (sandbox.world.folder / "people.csv").read_text(encoding="utf-8")
        assert [(call.label, call.wrote) for call in sandbox.log.calls()] == [("people.csv/read", False)]
