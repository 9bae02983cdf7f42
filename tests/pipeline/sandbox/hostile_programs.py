"""Programs that try to break out, break the pool, or stay. Data of test_hostile.py.

Each prints BREACH where it got what it must not have. `statuses`: how it may end.
"""

from __future__ import annotations

from typing import NamedTuple

OK, ERROR, TIMEOUT, OOM, KILLED = "ok", "error", "timeout", "oom", "killed"

CALL = """
import ctypes, os, errno
libc = ctypes.CDLL(None, use_errno=True)
def call(number, *arguments):
    words = [ctypes.c_long(a) if isinstance(a, int) else a for a in arguments]
    done = libc.syscall(ctypes.c_long(number), *words)
    return done, errno.errorcode.get(ctypes.get_errno())
def must_fail(what, done):
    print("BREACH" if done[0] >= 0 else "contained", what, done)
"""

TRY = """
import os
def must_raise(what, action, *arguments):
    try:
        print("BREACH", what, action(*arguments))
    except (OSError, ValueError, RuntimeError) as error:
        print("contained", what, type(error).__name__)
"""


class Hostile(NamedTuple):
    name: str
    statuses: tuple[str, ...]
    code: str


PROGRAMS = [
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
    # --- network
    Hostile(
        "a connection",
        (ERROR,),
        "import socket\nsocket.create_connection(('127.0.0.1', 22), 1)\nprint('BREACH')",
    ),
    Hostile(
        "every kind of socket",
        (OK,),
        TRY
        + """
import socket
for family in range(2, 46):
    for kind in (1, 2, 3, 5):
        must_raise(str(family), socket.socket, family, kind)
""",
    ),
    Hostile(
        "a name", (ERROR,), "import socket\nprint('BREACH', socket.getaddrinfo('example.com', 80))"
    ),
    Hostile(
        "a socket of the host without a file",
        (ERROR,),
        "import socket\ns = socket.socket(socket.AF_UNIX)\ns.connect('\\0steplabel-host')\nprint('BREACH')",
    ),
    # --- reading
    Hostile(
        "files of the host",
        (OK,),
        TRY
        + """
for path in ("/etc/passwd", "/etc/shadow", "/etc/hostname", "/etc/resolv.conf", "/root", "/home",
             "/var", "/sys", "/run", "/usr/bin", "/usr/share", "/boot", "/opt", "/srv", "/mnt",
             "/tmp/../root", "SECRET_PATH"):
    must_raise(path, os.stat, path)
""",
    ),
    Hostile(
        "a walk over all files",
        (OK,),
        """
import os
for folder, folders, names in os.walk("/"):
    if folder == "/": folders[:] = [f for f in folders if f not in ("python", "usr", "packages")]
    for name in names:
        if "SECRET_NAME" in name or "passw" in name: print("BREACH", folder, name)
""",
    ),
    Hostile(
        "the environment",
        (OK,),
        "import os\nprint('BREACH' if 'STEPLABEL_SECRET' in str(os.environ) else 'contained')",
    ),
    Hostile("/proc", (OK,), "import os\nprint('BREACH' if os.listdir('/proc') else 'contained')"),
    Hostile("its own /proc", (ERROR,), "print('BREACH', open('/proc/self/environ').read())"),
    Hostile("memory of process 1", (ERROR,), "open('/proc/1/mem', 'r+b').write(b'BREACH')"),
    Hostile(
        "devices",
        (OK,),
        TRY
        + """
for name in ("mem", "kmem", "kvm", "sda", "vda", "tty", "console", "ptmx", "fuse", "loop0", "net/tun",
             "kmsg", "fd/0"):
    must_raise(name, os.open, "/dev/" + name, os.O_RDONLY)
must_raise("mknod", os.mknod, "/tmp/null", 0o600 | 0o020000, os.makedev(1, 1))
""",
    ),
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
    # --- privileges
    Hostile(
        "root",
        (OK,),
        TRY + "must_raise('setuid', os.setuid, 0); must_raise('setgid', os.setgid, 0)",
    ),
    Hostile(
        "limits raised",
        (OK,),
        TRY
        + """
import resource
for which in (resource.RLIMIT_AS, resource.RLIMIT_NPROC, resource.RLIMIT_CPU, resource.RLIMIT_FSIZE):
    must_raise("limit", resource.setrlimit, which, (-1, -1))
    must_raise("limit", resource.prlimit, 2, which, (-1, -1))
must_raise("nice", os.nice, -20)
""",
    ),
    Hostile(
        "mounts",
        (OK,),
        CALL
        + """
must_fail('mount', call(165, b"none", b"/tmp", b"tmpfs", 0, None))
must_fail('proc', call(165, b"proc", b"/proc", b"proc", 0, None))
must_fail('bind', call(165, b"/", b"/tmp", None, 4096, None))
must_fail('umount', call(166, b"/proc", 2))
must_fail('fsopen', call(430, b"tmpfs", 0))
must_fail('open_tree', call(428, -100, b"/", 1))
""",
    ),
    Hostile(
        "namespaces",
        (OK,),
        CALL
        + """
for flag in (0x10000000, 0x20000, 0x20000000, 0x40000000, 0x7E020000):
    must_fail('unshare', call(272, flag))
    must_fail('clone', call(56, flag | 17, 0, 0, 0, 0))
must_fail('clone3', call(435, ctypes.create_string_buffer(88), 88))
must_fail('setns', call(308, 0, 0))
""",
    ),
    Hostile(
        "roots",
        (OK,),
        CALL
        + """
os.mkdir("cage"); start = os.open("/", os.O_RDONLY)
must_fail('chroot', call(161, b"/tmp/cage"))
must_fail('pivot_root', call(155, b"/", b"/tmp"))
must_fail('file handle', call(304, start, ctypes.create_string_buffer(64), 0))
up = "../" * 50
print("contained" if os.listdir(os.open(up, os.O_RDONLY, dir_fd=start)) == os.listdir("/") else "BREACH")
""",
    ),
    Hostile(
        "kernel",
        (OK,),
        CALL
        + """
for name, number in dict(io_uring=425, bpf=321, keyctl=250, add_key=248, perf=298, userfaultfd=323, kexec=246,
                         init_module=175, reboot=169, swapon=167, acct=163, personality=135, syslog=103,
                         fanotify=300, sethostname=170, settimeofday=164, memfd_secret=447).items():
    must_fail(name, call(number, 0, 0, 0, 0, 0))
""",
    ),
    Hostile(
        "32-bit calls by number",
        (KILLED,),
        CALL + "print('BREACH' if call(0x40000000 + 39)[0] > 0 else 'contained')",
    ),
    Hostile(
        "the clock",
        (ERROR,),
        "import time\ntime.clock_settime(time.CLOCK_REALTIME, 0)\nprint('BREACH')",
    ),
    # --- links and descriptors
    Hostile(
        "links out",
        (OK,),
        TRY
        + """
targets = ("/proc/1/root", "/proc/self/fd/0", "../../../../root", "/dev/fd/3", "SECRET_PATH")
for n, target in enumerate(targets):
    os.symlink(target, f"/tmp/link{n}")
    must_raise(target, open, f"/tmp/link{n}")
must_raise("hard link", os.link, "/python/bin/python3", "/tmp/python")
""",
    ),
    Hostile(
        "open files without end",
        (ERROR,),
        "import os\nwhile True: os.open('/dev/null', os.O_RDONLY)",
    ),
    Hostile("closing everything", (ERROR,), "import os\nos.closerange(0, 4096)"),
    Hostile(
        "descriptors in flight",
        (OK, ERROR),
        """
import socket, os
pairs = [socket.socketpair() for _ in range(20)]
while True:
    try: socket.send_fds(pairs[0][0], [b"x"], [pair[0].fileno() for pair in pairs[1:]], socket.MSG_DONTWAIT)
    except OSError: break
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
