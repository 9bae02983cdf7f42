from __future__ import annotations

import asyncio
import random
import subprocess
import sys
import time
from pathlib import Path

import pytest

from pipeline.engine.journal import CallJournal, compact_left
from pipeline.engine.journal_files import CallRecord, CompletionRow
from pipeline.errors import RunError
from pipeline.records import Cost, content_hash

ROOT = Path(__file__).resolve().parents[3]
WRITER = """
import asyncio, sys
from pipeline.engine.journal import CallJournal
from tests.pipeline.engine.test_journal import record

async def main(folder, first):
    journal = CallJournal(folder)
    async def one(i):
        await journal.append(record(i))
        print(i, flush=True)
    print("open", flush=True)
    for start in range(first, first + 10**6, 32):
        await asyncio.gather(*(one(i) for i in range(start, start + 32)))

asyncio.run(main(sys.argv[1], int(sys.argv[2])))
"""


def record(number: int) -> CallRecord:
    text = f"rollout {number} “né”\n" * (1 + number % 40)
    return CallRecord(
        key=content_hash("call", number, length=32),
        fingerprint=f"model-{number % 2}",
        kind="sample",
        text_hash=content_hash(text),
        prompt_ids=tuple(range(number % 50)),
        sampling="{}",
        n=2,
        draw=number,
        completions=(CompletionRow(text, "stop", (1, 2, number)), CompletionRow("", "length")),
        cost=Cost(1, 10, 5, 7, 0.25),
        at=1.5,
    )


async def write(folder: Path, numbers: range) -> None:
    journal = CallJournal(folder)
    await asyncio.gather(*(journal.append(record(n)) for n in numbers))
    journal.close()


def journal_file(folder: Path) -> Path:
    return next(folder.glob("journal-*.jsonl"))


def names(folder: Path, pattern: str) -> list[str]:
    return [path.name for path in folder.glob(pattern)]


async def test_an_acknowledged_record_is_read_back_whole_by_the_next_process(
    tmp_path: Path,
) -> None:
    await write(tmp_path, range(300))
    with_all = CallJournal(tmp_path, read_only=True)
    assert len(with_all) == 300
    assert all(with_all.get(record(n).key) == record(n) for n in range(300))
    assert with_all.get(record(300).key) is None
    assert with_all.fingerprints == {"model-0", "model-1"}


async def test_a_record_is_readable_as_soon_as_append_returns(tmp_path: Path) -> None:
    journal = CallJournal(tmp_path)
    await journal.append(record(1))
    assert journal.get(record(1).key) == record(1)
    assert record(1).key in journal
    journal.close()


async def test_every_cut_of_the_last_line_is_tolerated_and_cut_off(tmp_path: Path) -> None:
    await write(tmp_path, range(3))
    path = journal_file(tmp_path)
    whole = path.read_bytes()
    second_end = whole.rstrip(b"\n").rindex(b"\n") + 1
    for cut in range(second_end, len(whole), 7):
        path.write_bytes(whole[:cut])
        journal = CallJournal(tmp_path)
        assert len(journal) == 2
        assert journal.get(record(2).key) is None
        journal.close()
        assert path.read_bytes() == whole[:second_end]


async def test_a_reader_does_not_cut_what_a_writer_may_be_writing(tmp_path: Path) -> None:
    await write(tmp_path, range(3))
    path = journal_file(tmp_path)
    path.write_bytes(path.read_bytes()[:-5])
    before = path.read_bytes()
    assert len(CallJournal(tmp_path, read_only=True)) == 2
    assert path.read_bytes() == before


async def test_damage_before_the_last_line_is_refused_naming_file_and_line(
    tmp_path: Path,
) -> None:
    await write(tmp_path, range(5))
    path = journal_file(tmp_path)
    lines = path.read_bytes().splitlines(keepends=True)
    lines[2] = lines[2].replace(b"rollout", b"rallout", 1)
    path.write_bytes(b"".join(lines))
    with pytest.raises(RunError, match=r"journal-000001\.jsonl: line 3 is damaged"):
        CallJournal(tmp_path)


async def test_compaction_keeps_every_record_and_leaves_one_part(tmp_path: Path) -> None:
    await write(tmp_path, range(700))
    journal = CallJournal(tmp_path)
    part = journal.compact()
    await journal.append(record(700))
    assert part is not None
    assert not names(tmp_path, ".tmp*")
    assert all(journal.get(record(n).key) == record(n) for n in range(701))
    journal.close()
    again = CallJournal(tmp_path)
    assert len(again) == 701
    assert again.get(record(699).key) == record(699)
    again.compact()
    assert again.compact() is None
    assert len(again) == 701
    again.close()


async def test_what_a_killed_compaction_left_is_there_once_without_opening_an_engine(
    tmp_path: Path,
) -> None:
    await write(tmp_path, range(20))
    saved = journal_file(tmp_path).read_bytes()
    compact_left(tmp_path)
    (tmp_path / "journal-000001.jsonl").write_bytes(saved)
    compact_left(tmp_path)
    assert not names(tmp_path, "journal*")
    assert len(CallJournal(tmp_path, read_only=True)) == 20


async def test_a_damaged_file_that_nobody_needs_stays_and_is_told(
    tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    await write(tmp_path, range(20))
    path = journal_file(tmp_path)
    path.write_bytes(path.read_bytes().replace(b"rollout 3 ", b"rollout 4 "))
    compact_left(tmp_path)
    assert "journal-000001.jsonl" in caplog.text
    assert path.exists()


async def test_a_crash_between_the_part_and_the_removal_repeats_no_record(tmp_path: Path) -> None:
    await write(tmp_path, range(20))
    saved = journal_file(tmp_path).read_bytes()
    journal = CallJournal(tmp_path)
    journal.compact()
    journal.close()
    (tmp_path / "journal-000001.jsonl").write_bytes(saved)
    (tmp_path / ".tmp-1.parquet").write_bytes(b"half")
    journal = CallJournal(tmp_path)
    assert len(journal) == 20
    assert journal.compact() is None
    assert len(names(tmp_path, "*")) == 2  # the lock and the part
    journal.close()


async def test_a_folder_in_use_is_refused_to_another_writer(tmp_path: Path) -> None:
    journal = CallJournal(tmp_path)
    code = "import sys; from pipeline.engine.journal import CallJournal; CallJournal(sys.argv[1])"
    other = await asyncio.to_thread(
        subprocess.run,
        [sys.executable, "-c", code, str(tmp_path)],
        cwd=ROOT,
        capture_output=True,
        text=True,
    )
    assert "another process" in other.stderr
    journal.close()


async def test_a_cancelled_append_is_recorded_all_the_same(tmp_path: Path) -> None:
    journal = CallJournal(tmp_path)
    task = asyncio.create_task(journal.append(record(1)))
    await asyncio.sleep(0)
    task.cancel()
    await asyncio.gather(task, return_exceptions=True)
    journal.close()
    assert record(1).key in CallJournal(tmp_path, read_only=True)


async def test_a_disk_that_takes_no_more_is_an_error_and_not_a_silence(tmp_path: Path) -> None:
    import resource

    journal = CallJournal(tmp_path)
    await journal.append(record(0))
    limits = resource.getrlimit(resource.RLIMIT_FSIZE)
    resource.setrlimit(resource.RLIMIT_FSIZE, (4096, limits[1]))
    try:
        with pytest.raises(RunError, match="can't record a call"):
            await asyncio.gather(*(journal.append(record(n)) for n in range(1, 60)))
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, limits)
    journal.close()
    assert record(0).key in CallJournal(tmp_path, read_only=True)


def test_a_writer_killed_at_random_instants_loses_nothing_acknowledged(tmp_path: Path) -> None:
    chance = random.Random(5)
    acknowledged: set[int] = set()
    for attempt in range(5):
        writer = subprocess.Popen(
            [sys.executable, "-c", WRITER, str(tmp_path), str(attempt * 10**7)],
            cwd=ROOT,
            stdout=subprocess.PIPE,
            text=True,
        )
        assert writer.stdout is not None
        assert writer.stdout.readline() == "open\n"
        time.sleep(chance.uniform(0.02, 0.6))
        writer.kill()
        seen = writer.stdout.read().split("\n")[:-1]
        writer.stdout.close()
        writer.wait()
        acknowledged |= {int(line) for line in seen}
        journal = CallJournal(tmp_path)
        assert all(journal.get(record(n).key) == record(n) for n in acknowledged)
        if attempt == 2:
            journal.compact()
        journal.close()
    assert len(acknowledged) > 50
