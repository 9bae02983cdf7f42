"""Programs that attack who runs them, or don't end as a program should."""

from __future__ import annotations

from tests.pipeline.sandbox.hostile.program import CALL, ERROR, KILLED, OK, OOM, TIMEOUT, Hostile

STAYING = [
    # --- the zygote and the pool
    Hostile(
        "signals to the parent",
        (OK,),
        "import os, signal\nfor n in (9, 19, 15, 11): os.kill(os.getppid(), n)\nprint('still here')",
    ),
    Hostile(
        "signals to all",
        (OK,),
        """
import os
for number in (15, 9, 19):
    try: os.kill(-1, number)
    except ProcessLookupError: pass
""",
    ),
    Hostile(
        "signals to every number",
        (OK,),
        """
import os
for pid in range(2, 70000):
    try: os.kill(pid, 9); print("BREACH", pid)
    except ProcessLookupError: pass
""",
    ),
    Hostile(
        "signals to every group",
        (OK,),
        """
import os
os.killpg(0, 19)
for group in range(2, 70000):
    try: os.killpg(group, 9); print("BREACH", group)
    except (ProcessLookupError, PermissionError): pass
""",
    ),
    Hostile(
        "signals by descriptors of processes",
        (OK,),
        """
import os, signal
for pid in range(2, 3000):
    try: signal.pidfd_send_signal(os.pidfd_open(pid), 9); print("BREACH", pid)
    except OSError: pass
""",
    ),
    Hostile(
        "tracing",
        (OK,),
        CALL + "for pid in range(1, 300): must_fail('ptrace', call(101, 16, pid, 0, 0))",
    ),
    Hostile(
        "memory of other processes",
        (OK,),
        CALL
        + """
room = ctypes.create_string_buffer(64)
vector = (ctypes.c_ulong * 2)(ctypes.addressof(room), 64)
for pid in range(2, 300): must_fail('vm_readv', call(310, pid, vector, 1, vector, 1, 0))
""",
    ),
    Hostile(
        "writing into every open file",
        (ERROR,),
        """
import os
for fd in range(3, 4096):
    try: os.write(fd, b"garbage" * 100)
    except OSError: pass
""",
    ),
    Hostile(
        "reading every open file",
        (OK,),
        """
import os
for fd in range(3, 4096):
    try: os.set_blocking(fd, False); print("BREACH", fd, os.read(fd, 100))
    except OSError: pass
""",
    ),
    Hostile(
        "an answer in the zygote's place",
        (ERROR,),
        """
import os, sys
frame, found = sys._getframe(), {}
while frame:
    found.update(frame.f_locals); frame = frame.f_back
from pipeline.sandbox.inside.frames import Reply
head = Reply(found["request"].nonce, 0, 0, 0.0, 0.0, 6, 0, 0).pack() + b"BREACH"
for fd in range(3, 4096):
    try: os.write(fd, head)
    except OSError: pass
""",
    ),
    Hostile(
        "an answer on its own output",
        (OK,),
        """
import os, sys
frame, found = sys._getframe(), {}
while frame:
    found.update(frame.f_locals); frame = frame.f_back
from pipeline.sandbox.inside.frames import Reply
os.write(1, Reply(found["request"].nonce, 0, 0, 0.0, 0.0, 0, 0, 0).pack())
""",
    ),
    Hostile(
        "the zygote's loop once more",
        (ERROR, OK),
        """
import sys
frame, found = sys._getframe(), {}
while frame:
    found.update(frame.f_locals); frame = frame.f_back
from pipeline.sandbox.inside import zygote
for fd in (found["requests"], found["replies"], 3, 4, 5):
    try: zygote._write_all(fd, [b"BREACH"])
    except OSError: pass
zygote.main({"user": None, "modules": [], "isolated": False})
""",
    ),
    Hostile(
        "poisoned modules",
        (OK,),
        """
import builtins, sys, sympy, random, os
sympy.simplify = sympy.sympify = lambda *a, **k: "poison"
builtins.sum = builtins.sorted = lambda *a: "poison"
sys.modules["math"] = None
os.listdir = lambda *a: ["poison"]
from pipeline.sandbox.inside import zygote, snippet
snippet.run = zygote.Zygote.execute = lambda *a: "poison"
""",
    ),
    Hostile(
        "pickle",
        (OK,),
        """
import os, pickle
class Evil:
    def __reduce__(self): return os.system, ("kill -9 -1; echo BREACH",)
pickle.loads(pickle.dumps(Evil()))
""",
    ),
    Hostile(
        "import of what it wrote",
        (ERROR,),
        """
import sys
open("sympy.py", "w").write("1 / 0"); sys.path.insert(0, "/tmp"); del sys.modules["sympy"]
import sympy
""",
    ),
    # --- time and endings
    Hostile("sleeping", (TIMEOUT,), "import time\ntime.sleep(600)"),
    Hostile("turning", (TIMEOUT,), "while True: pass"),
    Hostile(
        "catching all there is",
        (TIMEOUT,),
        """
import signal
for number in range(1, 65):
    try: signal.signal(number, signal.SIG_IGN)
    except (OSError, ValueError): pass
signal.pthread_sigmask(signal.SIG_BLOCK, range(1, 65))
while True:
    try:
        while True: pass
    except BaseException: pass
""",
    ),
    Hostile(
        "a regular expression that backtracks",
        (TIMEOUT,),
        "import re\nre.match(r'(a+)+$', 'a' * 60 + 'b')",
    ),
    Hostile(
        "a stopped child",
        (TIMEOUT,),
        "import os\nif os.fork() == 0: os.kill(os.getpid(), 19)\nos.wait()",
    ),
    Hostile("infinite recursion", (ERROR,), "def f(): f()\nf()"),
    Hostile(
        "recursion without its limit",
        (OOM, KILLED, ERROR),
        "import sys\nsys.setrecursionlimit(10**9)\ndef f(n): return [f(n + 1)]\nf(0)",
    ),
    Hostile(
        "recursion in C",
        (KILLED, ERROR, OOM),
        "import sys\nsys.setrecursionlimit(10**9)\nx = []\nfor _ in range(10**6): x = [x]\nrepr(x)",
    ),
    Hostile("source too deep", (ERROR, OOM, KILLED), "x = " + "(" * 100_000),
    Hostile("segmentation fault", (KILLED,), "import ctypes\nctypes.string_at(0)"),
    Hostile("abort", (KILLED,), "import os\nos.abort()"),
    Hostile(
        "suicide", (OK,), "import os\nos.kill(os.getpid(), 9)\nprint('process 1 of its world')"
    ),
    Hostile("leaving early", (ERROR,), "import os\nos._exit(0)"),
    Hostile("leaving with a text", (ERROR,), "import sys\nsys.exit('bye')"),
    Hostile(
        "an exception that hangs when shown",
        (TIMEOUT,),
        "class E(Exception):\n    def __str__(self):\n        while True: pass\nraise E",
    ),
    Hostile(
        "an end that hangs",
        (OK,),
        """
import atexit, time
atexit.register(time.sleep, 600)
class D:
    def __del__(self): time.sleep(600)
d = D()
""",
    ),
    Hostile(
        "an output that hangs when flushed",
        (TIMEOUT,),
        "import sys\nclass O:\n    def flush(self):\n        while True: pass\nsys.stdout = O()",
    ),
]
