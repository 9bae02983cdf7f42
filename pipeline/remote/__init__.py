"""A run that is kept at a URL too (`remote:`), so that a machine without any state goes on with it.

The run's folder stays on a local disk: its journal is appended to and fsynced many times a second, and its
lock dies with its process, neither of which a store of objects can do. What lies at the URL is a copy of
what counts, renewed every `run.KEEP_S` and at the end of a start, however it ends:

    <remote>/<name>/index.json                 which files there are, with the sha256 of each; written last
                    <folder>/<sha256>-<file>   each file's content, never changed
                    dataset/                   the finished dataset, as `steplabel publish` puts it there
                    holder.json                who works with it (`holder.py`)

Dataset and report are derived and made anew. Calls made since the last copy are lost with their machine, and
made again.
"""

from pipeline.remote.copy import Remote
from pipeline.remote.run import keep_now, remote_run

__all__ = ["Remote", "keep_now", "remote_run"]
