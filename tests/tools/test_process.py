"""Tools that fail, never end, or say anything, by scripts that stand in for them."""

import os
import signal
import subprocess
import sys
import threading
import time
from collections.abc import Callable
from pathlib import Path

import pytest

from narrowcast.errors import ToolError, UserError
from narrowcast.tools import ghdl, process, yosys
from narrowcast.tools.process import TIME_LIMIT, run
from signals import DEFAULT_SIGNALS, interruptions

Put = Callable[[str, str], Path]


@pytest.fixture
def put(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Put:
    """Put a shell script on the PATH, before all other programs."""
    folder = tmp_path / "bin"
    folder.mkdir()
    monkeypatch.setenv("PATH", str(folder), prepend=os.pathsep)

    def write(name: str, script: str) -> Path:
        path = folder / name
        path.write_text(f"#!/bin/sh\n{script}\n")
        path.chmod(0o755)
        return path

    return write


def alive(process: int) -> bool:
    """Whether a process runs; one that has ended but was not waited for does not."""
    try:
        state = Path(f"/proc/{process}/stat").read_text()
    except FileNotFoundError:
        return False
    return state.rpartition(")")[2].split()[0] not in "ZX"


def children() -> list[int]:
    lists = Path("/proc/self/task").glob("*/children")
    return [int(number) for each in lists for number in each.read_text().split()]


def wait_for(condition: Callable[[], bool]) -> None:
    while not condition():
        time.sleep(0.01)


def test_words_of_any_encoding(put: Put, tmp_path: Path) -> None:
    tool = put("ghdl", r"printf 'bad \377 \033[31mword\007\n' >&2; exit 1")
    with pytest.raises(ToolError) as caught:
        run([tool], tmp_path)
    assert str(caught.value) == "ghdl failed (1):\nbad \N{REPLACEMENT CHARACTER} \\x1b[31mword\\x07"


def test_at_most_a_screenful_is_quoted(put: Put, tmp_path: Path) -> None:
    tool = put("ghdl", "head -c 3000000 /dev/zero | tr '\\0' x; echo; seq 1000; exit 3")
    with pytest.raises(ToolError) as caught:
        run([tool], tmp_path)
    lines = str(caught.value).splitlines()
    assert lines[0] == "ghdl failed (3):" and lines[-1] == "1000" and len(lines) < 26
    tool = put("ghdl", "head -c 3000000 /dev/zero | tr '\\0' x; exit 3")
    with pytest.raises(ToolError) as caught:
        run([tool], tmp_path)
    assert len(str(caught.value)) < 2100


def test_output_without_end(put: Put, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(process, "_MOST_BYTES", 1_000_000)
    for script in ("exec yes", "exec cat /dev/zero"):
        with pytest.raises(ToolError, match=r"^ghdl was ended because it wrote more than 1 MB"):
            run([put("ghdl", script)], tmp_path)


def test_a_tool_reads_nothing(put: Put, tmp_path: Path) -> None:
    assert run([put("ghdl", "cat; echo end")], tmp_path) == "end\n"


def test_temporary_files_are_in_the_working_folder(put: Put, tmp_path: Path) -> None:
    assert run([put("ghdl", "echo $TMPDIR")], tmp_path) == f"{tmp_path}\n"


def test_a_tool_that_never_ends(put: Put, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv(TIME_LIMIT, "0.002")
    tool = put("ghdl", "sleep infinity & echo $! > child; echo word; wait")
    with pytest.raises(ToolError, match=rf"^ghdl was ended after 0.002 minutes.*{TIME_LIMIT}") as e:
        run([tool], tmp_path)
    assert str(e.value).endswith("\nword") or "\n" not in str(e.value)
    if (tmp_path / "child").exists():
        child = int((tmp_path / "child").read_text())
        wait_for(lambda: not alive(child))


@pytest.mark.parametrize("value", ["", "ten", "0", "-1", "nan", "inf", "1e300"])
def test_invalid_time_limits(value: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv(TIME_LIMIT, value)
    with pytest.raises(UserError, match=rf"^{TIME_LIMIT} = .* is not allowed: it must be"):
        run(["true"], tmp_path)


def test_what_a_tool_has_started_ends_with_it(put: Put, tmp_path: Path) -> None:
    tool = put("ghdl", "sleep infinity >/dev/null 2>&1 & echo $!")
    child = int(run([tool], tmp_path))
    wait_for(lambda: not alive(child))


@pytest.mark.parametrize("sent", [signal.SIGKILL, signal.SIGTERM, signal.SIGHUP, signal.SIGINT])
def test_no_process_outlives_this_one(put: Put, tmp_path: Path, sent: signal.Signals) -> None:
    tool = put("ghdl", "trap '' TERM INT HUP; sleep infinity & echo $$ $! > started; wait; wait")
    code = (
        "import sys; sys.argv[1:] = []\n"
        "from pathlib import Path\n"
        "import narrowcast.cli\n"
        "from narrowcast import __main__\n"
        "from narrowcast.tools.process import run\n"
        f"narrowcast.cli.main = lambda: run([{str(tool)!r}], Path({str(tmp_path)!r}))\n"
        "__main__.main()\n"
    )
    command = [*DEFAULT_SIGNALS, sys.executable, "-c", code]
    parent = subprocess.Popen(command, stderr=subprocess.PIPE, text=True)
    started = tmp_path / "started"
    wait_for(lambda: started.exists() and started.read_text().endswith("\n"))
    tools = [int(number) for number in started.read_text().split()]
    assert all(map(alive, tools))
    parent.send_signal(sent)
    words = parent.communicate()[1]
    wait_for(lambda: not any(map(alive, tools)))
    if sent is not signal.SIGKILL:
        assert words == "narrowcast: interrupted\n" and parent.returncode == 128 + sent


def test_an_interruption_anywhere_leaves_no_process_to_wait_for(tmp_path: Path) -> None:
    moments = 0
    others, before = set(children()), set(threading.enumerate())  # such as those of a browser
    for _ in interruptions(lambda: run(["sleep", "0.05"], tmp_path), process):
        moments += 1
        wait_for(lambda: not any(map(alive, set(children()) - others)))
        waited_for = [each for each in threading.enumerate() if not each.daemon]
        assert before.issuperset(waited_for), f"interruption {moments}"
    assert moments > 20


def ended(folder: Path, run: str, at_exit: str = "None") -> subprocess.CompletedProcess[str]:
    """Run the command line with an expression in place of a command; it can call ``interrupt``."""
    program = (
        "import atexit, os, signal, sys\n"
        "import narrowcast.cli\n"
        "from narrowcast import __main__\n"
        "def interrupt():\n"
        "    os.kill(os.getpid(), signal.SIGTERM)\n"
        "    signal.pause()\n"
        f"atexit.register(lambda: {at_exit})\n"
        f"narrowcast.cli.main = lambda: {run}\n"
        "__main__.main()\n"
    )
    (folder / "program.py").write_text(program)
    # as a module: Python ends by SIGINT then if it thinks that nothing took an interruption
    command = [*DEFAULT_SIGNALS, sys.executable, "-m", "program"]
    return subprocess.run(command, cwd=folder, capture_output=True, text=True, check=False)


def test_an_interruption_of_code_from_a_string_has_its_exit_code(tmp_path: Path) -> None:
    found = ended(tmp_path, run="exec('interrupt()')")
    assert (found.returncode, found.stderr) == (128 + signal.SIGTERM, "narrowcast: interrupted\n")


def test_a_signal_after_the_run_ends_it_without_a_traceback(tmp_path: Path) -> None:
    found = ended(tmp_path, run="None", at_exit="interrupt()")
    assert (found.returncode, found.stderr) == (-signal.SIGTERM, "")


def test_a_full_disk_is_named(put: Put, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(process, "_FULL", 1 << 62)
    with pytest.raises(UserError, match=f"^{tmp_path}: no space left for ghdl: set TMPDIR"):
        run([put("ghdl", "exit 1")], tmp_path)


def test_yosys_is_the_very_file(put: Put, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    put("yosys", "echo Yosys 0.1")
    (tmp_path / "yosys").write_text("#!/bin/sh\necho Yosys 0.2\n")
    (tmp_path / "yosys").chmod(0o755)
    monkeypatch.chdir(tmp_path)
    here, found = yosys.find_yosys("./yosys"), yosys.find_yosys("yosys")
    work = tmp_path / "work"
    work.mkdir()
    assert yosys.version(work, here) == "Yosys 0.2"
    assert yosys.version(work, found) == "Yosys 0.1"
    with pytest.raises(UserError, match=r"^'./missing': no such program"):
        yosys.find_yosys("./missing")


def test_programs_without_a_version(put: Put, tmp_path: Path) -> None:
    with pytest.raises(ToolError, match="gives no version: check that this program is yosys"):
        yosys.version(tmp_path, put("yosys", ""))
    put("ghdl", "")
    with pytest.raises(ToolError, match="gives no version: check that the program of that name"):
        ghdl.version(tmp_path)
