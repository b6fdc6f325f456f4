import errno
import json
import os
import shutil
from contextlib import suppress
from dataclasses import dataclass, replace
from pathlib import Path

import pytest

from narrowcast.errors import ToolError, UserError
from narrowcast.files import locked
from narrowcast.pipeline import stages
from narrowcast.pipeline.stages import Stage, check_ready, is_done, read_state, run_stage
from narrowcast.progress import Progress
from narrowcast.records import read_record
from signals import interruptions


@dataclass(frozen=True)
class Weight:
    """What a stage finds out."""

    grams: int


class Kitchen:
    """Two stages: flour becomes dough, dough becomes bread."""

    def __init__(self, folder: Path, heat: int = 200) -> None:
        self.ran: list[str] = []
        self.out = folder / "out"
        self.flour = folder / "flour"
        if not self.flour.exists():
            self.flour.write_text("flour")
        self.dough = Stage(
            "knead", self.knead, "knead.json", Weight, ("dough",), files={"flour": self.flour}
        )
        self.bread = Stage(
            "bake",
            self.bake,
            "bake.json",
            Weight,
            ("bread", "oven"),
            needs=("dough",),
            settings={"oven": {"heat": heat}},
        )

    def knead(self, work: Path, _: Progress) -> Weight:
        self.ran.append("knead")
        (work / "dough").write_text(self.flour.read_text() + " and water")
        return Weight(500)

    def bake(self, work: Path, progress: Progress) -> Weight:
        self.ran.append("bake")
        progress.advanced(1, 1)
        (work / "oven").mkdir()
        (work / "oven" / "crumbs").write_text("crumbs")
        (work / "bread").write_text((self.out / "dough").read_text() + ", baked")
        (work / "smoke").write_text("not an output")
        return Weight(450)

    def both(self) -> list[str]:
        self.ran.clear()
        run_stage(self.out, self.dough)
        run_stage(self.out, self.bread)
        return list(self.ran)


@pytest.fixture
def kitchen(tmp_path: Path) -> Kitchen:
    return Kitchen(tmp_path)


def test_outputs_and_state(kitchen: Kitchen) -> None:
    assert kitchen.both() == ["knead", "bake"]
    assert (kitchen.out / "bread").read_text() == "flour and water, baked"
    assert sorted(p.name for p in kitchen.out.iterdir()) == [
        *(".stages", "bake.json", "bread", "dough", "knead.json", "oven")
    ]
    assert sorted(p.name for p in (kitchen.out / ".stages").iterdir()) == [
        "bake.json",
        "knead.json",
        "owned.json",
    ]
    state = read_state(kitchen.out, "knead")
    assert state is not None and state.seconds >= 0
    assert json.loads((kitchen.out / "knead.json").read_text()) == {"grams": 500}


def test_finished_stage_is_not_redone(kitchen: Kitchen) -> None:
    kitchen.both()
    assert kitchen.both() == []
    assert run_stage(kitchen.out, kitchen.dough) == Weight(500)


def test_only_the_content_of_a_file_counts(kitchen: Kitchen, tmp_path: Path) -> None:
    kitchen.both()
    kitchen.flour.write_text("flour")
    assert kitchen.both() == []
    kitchen.flour.write_text("rye")
    assert kitchen.both() == ["knead", "bake"]
    assert (tmp_path / "out" / "bread").read_text() == "rye and water, baked"


def test_changed_settings_redo(kitchen: Kitchen, tmp_path: Path) -> None:
    kitchen.both()
    assert Kitchen(tmp_path, heat=220).both() == ["bake"]


def test_force_redoes(kitchen: Kitchen) -> None:
    kitchen.both()
    run_stage(kitchen.out, kitchen.dough, force=True)
    assert kitchen.ran == ["knead", "bake", "knead"]
    assert kitchen.both() == []


@pytest.mark.parametrize("change", ["alter", "delete", "add"])
def test_changed_outputs_are_made_again(kitchen: Kitchen, change: str) -> None:
    kitchen.both()
    crumbs = kitchen.out / "oven" / "crumbs"
    if change == "alter":
        crumbs.write_text("dust")
    elif change == "delete":
        crumbs.unlink()
    else:
        (kitchen.out / "oven" / "mouse").write_text("mouse")
    assert kitchen.both() == ["bake"]
    assert [p.name for p in (kitchen.out / "oven").iterdir()] == ["crumbs"]
    assert crumbs.read_text() == "crumbs"


@pytest.mark.parametrize("error", [KeyboardInterrupt, ToolError, UserError, OSError])
def test_failure_leaves_everything_as_it_was(
    kitchen: Kitchen, tmp_path: Path, error: type[BaseException]
) -> None:
    kitchen.both()
    hotter = Kitchen(tmp_path, heat=300)

    def burn(work: Path, _: Progress) -> Weight:
        (work / "bread").write_text("coal")
        raise error

    stage = replace(hotter.bread, run=burn)
    with pytest.raises(error):
        run_stage(kitchen.out, stage)
    assert (kitchen.out / "bread").read_text() == "flour and water, baked"
    assert not (kitchen.out / ".stages" / "bake.work").exists()
    assert kitchen.both() == []


def test_a_disk_that_becomes_full_at_any_file_leaves_what_was_whole(
    kitchen: Kitchen, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    kitchen.both()
    hotter = Kitchen(tmp_path, heat=230)
    outputs = [kitchen.out / "bread", kitchen.out / "bake.json", kitchen.out / "oven" / "crumbs"]
    before = [path.stat().st_ino for path in outputs]
    files = 0
    while True:
        left = files

        def full(_: int) -> None:
            nonlocal left
            left -= 1
            if left < 0:
                raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))

        with monkeypatch.context() as patched, suppress(UserError):
            patched.setattr(os, "fsync", full)
            run_stage(kitchen.out, hotter.bread)
        if left >= 0:
            break
        assert [path.stat().st_ino for path in outputs] == before, f"after {files} files"
        assert kitchen.both() == [], f"after {files} files"
        files += 1
    assert files == 3  # the record, the state and the names of all outputs


def test_a_first_stage_that_fails_leaves_no_folder_but_the_users_own(tmp_path: Path) -> None:
    def burn(work: Path, _: Progress) -> Weight:
        (work / "bread").write_text("coal")
        raise UserError("burnt")

    for out in (tmp_path / "new" / "one", tmp_path / "own"):
        if out.name == "own":
            out.mkdir()
        with pytest.raises(UserError), locked(out):
            run_stage(out, Stage("bake", burn, "bake.json", Weight, ("bread",)))
    assert not (tmp_path / "new").exists()
    assert not list((tmp_path / "own").iterdir())


def test_an_interruption_anywhere_leaves_what_the_next_run_needs(tmp_path: Path) -> None:
    kitchen, moments = Kitchen(tmp_path), 0

    def files() -> set[Path]:
        return {path for path in kitchen.out.rglob("*") if path.is_file()}

    def run() -> None:
        shutil.rmtree(kitchen.out, ignore_errors=True)
        run_stage(kitchen.out, kitchen.dough)

    run()
    whole = files()
    for _ in interruptions(run, stages):
        moments += 1
        stages.remove_unfinished(kitchen.out)  # as every command does
        run_stage(kitchen.out, kitchen.dough)
        assert files() == whole, f"interruption {moments}"
        assert not list(kitchen.out.rglob("*.work")), f"interruption {moments}"
    assert moments > 50


def test_damaged_state_is_no_state(kitchen: Kitchen) -> None:
    kitchen.both()
    (kitchen.out / ".stages" / "knead.json").write_text('{"settings": {}')
    assert kitchen.both() == ["knead"]


@pytest.mark.parametrize(
    "content",
    [
        *("", "[]", "3", "null", "[" * 100_000, '{"settings": 1}', "9" * 5000, "NaN", '"\\ud800"'),
        '{"settings": 1, "options": {}, "files": {}, "needs": {}, "outputs": {}, "seconds": 1}',
        '{"settings": {}, "options": {}, "files": {}, "needs": 3, "outputs": {}, "seconds": "1"}',
    ],
)
@pytest.mark.parametrize("name", ["knead", "owned"])
def test_a_state_of_any_other_content_is_no_state(
    kitchen: Kitchen, name: str, content: str
) -> None:
    kitchen.both()
    (kitchen.out / ".stages" / f"{name}.json").write_text(content)
    if name == "knead":
        assert kitchen.both() == ["knead"]
    else:
        with pytest.raises(UserError, match="no run of narrowcast is known to have made it"):
            run_stage(kitchen.out, kitchen.dough, force=True)


def test_later_stages_need_the_data_of_the_earlier_ones(kitchen: Kitchen) -> None:
    kitchen.both()
    sell = Stage("sell", kitchen.knead, "sell.json", Weight, ("money",), needs=("bread",))
    kitchen.flour.write_text("rye")
    again = r"the data has changed since 'knead' ran: run 'narrowcast knead' again"
    for stage, earlier in (
        (kitchen.bread, [kitchen.dough]),
        (sell, [kitchen.dough, kitchen.bread]),
    ):
        with pytest.raises(UserError, match=again):
            check_ready(kitchen.out, stage, earlier)
    kitchen.flour.unlink()  # what is not read may be missing
    check_ready(kitchen.out, sell, [kitchen.dough, kitchen.bread])


def test_other_version_redoes(kitchen: Kitchen) -> None:
    kitchen.both()
    path = kitchen.out / ".stages" / "knead.json"
    state = json.loads(path.read_text())
    state["options"]["version"] = "0.0.0"
    path.write_text(json.dumps(state))
    assert kitchen.both() == ["knead"]


def test_missing_file(kitchen: Kitchen) -> None:
    kitchen.flour.unlink()
    with pytest.raises(UserError, match="flour: no such file"):
        run_stage(kitchen.out, kitchen.dough)
    assert not kitchen.out.exists()


def test_folder_that_cannot_be_written(kitchen: Kitchen) -> None:
    kitchen.out.write_text("a file")
    with pytest.raises(UserError, match="out: cannot be written"):
        run_stage(kitchen.out, kitchen.dough)
    assert kitchen.out.read_text() == "a file"


def test_files_of_others_are_not_replaced(kitchen: Kitchen) -> None:
    kitchen.out.mkdir()
    (kitchen.out / "dough").write_text("grandmother's")
    with pytest.raises(UserError, match="choose another folder"):
        run_stage(kitchen.out, kitchen.dough)
    assert (kitchen.out / "dough").read_text() == "grandmother's"
    assert kitchen.ran == []


def test_ready(kitchen: Kitchen, tmp_path: Path) -> None:
    with pytest.raises(UserError, match=r"dough: not there yet: run 'narrowcast knead' first"):
        check_ready(kitchen.out, kitchen.bread, [kitchen.dough])
    kitchen.both()
    check_ready(kitchen.out, kitchen.bread, [kitchen.dough])

    sell = Stage("sell", kitchen.knead, "sell.json", Weight, ("money",), needs=("bread",))
    check_ready(kitchen.out, sell, [kitchen.dough, kitchen.bread])
    hotter = Kitchen(tmp_path, heat=220)
    with pytest.raises(UserError, match=r"'bake' ran with oven.heat = 200, but it is now 220"):
        check_ready(kitchen.out, sell, [hotter.dough, hotter.bread])

    (kitchen.out / "dough").write_text("other dough")
    with pytest.raises(UserError, match=r"dough: has changed since 'bake' ran"):
        check_ready(kitchen.out, sell, [kitchen.dough, kitchen.bread])


def test_a_file_of_a_folder_is_gone(kitchen: Kitchen) -> None:
    kitchen.both()
    state = kitchen.out / ".stages" / "bake.json"
    known = json.loads(state.read_text())
    known["outputs"]["bread/crumb"] = "0" * 64
    state.write_text(json.dumps(known))
    sell = Stage("sell", kitchen.knead, "sell.json", Weight, ("money",), needs=("bread",))
    with pytest.raises(UserError, match=r"bread/crumb: is gone since 'bake' made it: run"):
        check_ready(kitchen.out, sell, [kitchen.dough, kitchen.bread])


def test_what_somebody_else_made_is_taken(kitchen: Kitchen) -> None:
    kitchen.out.mkdir()
    (kitchen.out / "dough").write_text("grandmother's")
    check_ready(kitchen.out, kitchen.bread, [kitchen.dough])
    run_stage(kitchen.out, kitchen.bread)
    assert (kitchen.out / "bread").read_text() == "grandmother's, baked"


def test_done(kitchen: Kitchen) -> None:
    assert not is_done(kitchen.out, kitchen.dough)
    kitchen.both()
    assert is_done(kitchen.out, kitchen.dough) and is_done(kitchen.out, kitchen.bread)
    (kitchen.out / "dough").write_text("other dough")
    assert not is_done(kitchen.out, kitchen.dough) and not is_done(kitchen.out, kitchen.bread)


def test_a_precondition_holds_up_only_a_stage_that_would_run(kitchen: Kitchen) -> None:
    def no_water() -> None:
        raise UserError("there is no water")

    dry = replace(kitchen.dough, precondition=no_water)
    with pytest.raises(UserError, match="there is no water"):
        run_stage(kitchen.out, dry)
    assert not kitchen.out.exists() and kitchen.ran == []
    kitchen.both()
    assert run_stage(kitchen.out, dry) == Weight(500)


def test_a_record_of_another_kind_is_named(kitchen: Kitchen) -> None:
    kitchen.both()
    (kitchen.out / "knead.json").write_text('{"pounds": 1}')
    with pytest.raises(UserError, match=r"knead\.json: grams: field required"):
        read_record(kitchen.out / "knead.json", Weight)
    (kitchen.out / "knead.json").write_text("[" * 100_000)
    with pytest.raises(UserError, match=r"knead\.json: is nested too deeply"):
        read_record(kitchen.out / "knead.json", Weight)
    (kitchen.out / "knead.json").write_text('{"grams": ')
    with pytest.raises(UserError, match=r"knead\.json: is truncated or not JSON"):
        read_record(kitchen.out / "knead.json", Weight)
