"""Programs that take too much: processes, threads, memory, disk, output."""

from __future__ import annotations

from tests.pipeline.sandbox.hostile.program import (
    CALL,
    ERROR,
    KILLED,
    OK,
    OOM,
    TIMEOUT,
    TRY,
    Hostile,
)

TAKING = [
    # --- processes and threads
    Hostile(
        "fork bomb",
        (TIMEOUT,),
        """
import os
while True:
    try:
        os.fork()
    except OSError:
        pass
""",
    ),
    Hostile("forks until it fails", (ERROR,), "import os\nwhile os.fork(): pass\nwhile True: pass"),
    Hostile(
        "forks that end at once, and their children",
        (TIMEOUT,),
        """
import os
while True:
    try:
        if os.fork():
            if os.getpid() != 1: os._exit(0)
    except OSError:
        pass
""",
    ),
    Hostile(
        "thread bomb",
        (ERROR,),
        "import threading, time\nwhile True: threading.Thread(target=time.sleep, args=(60,)).start()",
    ),
    Hostile(
        "thread bomb that goes on",
        (TIMEOUT, OOM),  # a thread's own lock may be what there is no memory for
        """
import _thread, time
while True:
    try:
        _thread.start_new_thread(time.sleep, (60,))
    except RuntimeError:
        pass
""",
    ),
    Hostile(
        "daemon by double fork",
        (OK,),
        """
import os, time
if os.fork() == 0:
    os.setsid()
    if os.fork() == 0:
        for fd in range(3): os.close(fd)
        time.sleep(600)
    os._exit(0)
print("left a daemon")
""",
    ),
    Hostile(
        "daemon that keeps the output open",
        (OK,),
        "import os, time\nif os.fork() == 0:\n    while True: time.sleep(1)\nprint('gone')",
    ),
    Hostile(
        "daemons that breed when killed",
        (OK,),
        """
import os, signal, time
def breed(*_):
    if os.fork() == 0: time.sleep(600)
for number in (signal.SIGTERM, signal.SIGHUP, signal.SIGINT): signal.signal(number, breed)
for _ in range(3):
    if os.fork() == 0:
        while True:
            try: breed(); time.sleep(.01)
            except OSError: pass
""",
    ),
    Hostile(
        "thread that outlives the program",
        (OK,),
        "import threading, time\nthreading.Thread(target=time.sleep, args=(600,)).start()",
    ),
    Hostile(
        "subprocess of a shell",
        (ERROR,),
        "import subprocess\nsubprocess.run(['/bin/sh', '-c', 'echo BREACH'])",
    ),
    Hostile(
        "another program in its place",
        (ERROR,),
        "import os\nos.execv('/python/bin/python3', ['python3', '-c', 'print(1)'])",
    ),
    # --- memory
    Hostile("a list too long", (OOM,), "x = [0] * 10**10"),
    Hostile("a text too long", (OOM,), "x = 'a' * 10**12"),
    Hostile("memory, little by little", (OOM,), "x = []\nwhile True: x.append(bytearray(1 << 20))"),
    Hostile(
        "memory of many processes, each below the limit",
        (OOM,),
        """
import os, time
for _ in range(4):
    if os.fork() == 0:
        x = bytearray(os.urandom(1 << 20) * 60)
        time.sleep(60)
time.sleep(60)
""",
    ),
    Hostile(
        "memory of many processes, none of which can be looked at",
        (OOM,),
        CALL
        + """
import time
for _ in range(4):
    if os.fork() == 0:
        libc.prctl(4, 0, 0, 0, 0)
        x = bytearray(os.urandom(1 << 20) * 60)
        time.sleep(60)
time.sleep(60)
""",
    ),
    Hostile(
        "memory of processes whose first threads have left",
        (OOM,),
        CALL
        + """
import threading, time
def hold():
    x = bytearray(os.urandom(1 << 20) * 45)
    time.sleep(60)
for _ in range(3):
    if os.fork() == 0:
        threading.Thread(target=hold).start()
        call(60, 0)
time.sleep(60)
""",
    ),
    Hostile("memory to the last byte", (OOM,), "x = None\nwhile True: x = (x,)"),
    Hostile("shared memory without a file", (OOM,), "import mmap\nx = mmap.mmap(-1, 10**12)"),
    Hostile("memory file", (OK,), CALL + "must_fail('memfd', call(319, b'x', 0))"),
    Hostile("System V segment", (OK,), CALL + "must_fail('shmget', call(29, 0, 1 << 30, 0o1777))"),
    Hostile("an integer without end", (TIMEOUT, OOM), "x = 9**9**9**9"),
    # --- disk
    Hostile(
        "one file too long", (ERROR,), "f = open('x', 'wb')\nwhile True: f.write(bytes(1 << 20))"
    ),
    Hostile("a file of holes", (ERROR,), "open('x', 'wb').truncate(10**15)"),
    Hostile(
        "many files",
        (ERROR,),
        "n = 0\nwhile True:\n    open(f'x{n}', 'wb').write(bytes(1 << 20))\n    n += 1",
    ),
    Hostile(
        "files without content", (ERROR,), "n = 0\nwhile True:\n    open(str(n), 'w')\n    n += 1"
    ),
    Hostile(
        "folders without end", (ERROR,), "import os\nwhile True:\n    os.mkdir('d'); os.chdir('d')"
    ),
    Hostile("filling /dev/shm", (ERROR,), "open('/dev/shm/x', 'wb').write(bytes(1 << 30))"),
    Hostile(
        "writing where it should not",
        (OK,),
        TRY
        + """
import random, sys
for place in ("/", "/python", "/python/lib", "/packages", "/packages/sympy", "/code", "/dev", "/etc",
              "/proc", "/usr/lib", "/lib", "/code/pipeline/sandbox/inside"):
    must_raise(place, open, place + "/steplabel-was-here", "w")
must_raise("random", open, random.__file__, "a")
must_raise("python", open, "/python/bin/python3", "r+b")
must_raise("remove", os.remove, "/code/pipeline/sandbox/inside/zygote.py")
must_raise("mode", os.chmod, "/python", 0o777)
""",
    ),
    # --- output
    Hostile("output flood", (KILLED,), "while True: print('x' * 10000)"),
    Hostile("error flood", (KILLED,), "import sys\nwhile True: sys.stderr.write('x' * 10000)"),
    Hostile(
        "output flood of children",
        (KILLED,),
        "import os\nfor _ in range(3): os.fork()\nwhile True: os.write(1, b'x' * 10000)",
    ),
    Hostile(
        "a message without end",
        (ERROR,),
        "raise ValueError('x' * 10**7)",
    ),
]
