"""Programs that reach for what is outside: the network, files of the host, privileges, descriptors."""

from __future__ import annotations

from tests.pipeline.sandbox.hostile.program import CALL, ERROR, KILLED, OK, TRY, Hostile

REACHING = [
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
]
