"""A dataset repository of the Hugging Face Hub, by huggingface_hub's own client."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import PurePosixPath
from typing import Any

from pipeline.errors import ConfigError, PrerequisiteError, RunError
from pipeline.publish.files import LocalFile

TOKEN_HELP = (
    "log in with `hf auth login`, or set HF_TOKEN to a token that may write "
    "(https://huggingface.co/settings/tokens)"
)


class HubTarget:
    """Large files are compared by sha256, small ones by their git id. A commit holds the files of one
    `send`. The token is the client's own; it is in no message of ours."""

    def __init__(
        self,
        repo: str,
        private: bool = True,
        revision: str | None = None,
        tag: str | None = None,
        endpoint: str | None = None,
        token: str | None = None,
    ) -> None:
        """`private` counts where the repository is made. Raises ConfigError for a name that is none,
        PrerequisiteError without a token."""
        from huggingface_hub import HfApi, get_token

        if repo.count("/") != 1 or not all(repo.split("/")) or repo.startswith("."):
            raise ConfigError(
                f"{repo}: should be OWNER/NAME, a dataset repository of the Hub; a folder is named as "
                "file:///FOLDER"
            )
        token = token or get_token()
        if not token:
            raise PrerequisiteError(f"{repo}: no token for the Hub; {TOKEN_HELP}")
        self.name = repo
        self._token = token
        self._private = private
        self._revision = revision
        self._tag = tag
        self._api: Any = HfApi(endpoint=endpoint, token=token, library_name="steplabel")

    def there(self, files: Sequence[LocalFile]) -> dict[str, bool]:
        from huggingface_hub.errors import RepositoryNotFoundError, RevisionNotFoundError
        from huggingface_hub.hf_api import RepoFile

        ours = {file.name: file for file in files}

        def listed(revision: str | None) -> dict[str, bool]:
            entries = self._api.list_repo_tree(
                self.name, repo_type="dataset", recursive=True, revision=revision
            )
            return {
                entry.path: entry.path in ours and _same(entry, ours[entry.path])
                for entry in entries
                if isinstance(entry, RepoFile)
            }

        with self._told():
            self._api.whoami()
            try:
                try:
                    return listed(self._revision)
                except RevisionNotFoundError:
                    return listed(None)  # A new branch begins as a copy of main.
            except (RepositoryNotFoundError, RevisionNotFoundError):
                return {}

    def prepare(self) -> None:
        with self._told():
            self._api.create_repo(
                self.name, repo_type="dataset", private=self._private, exist_ok=True
            )
            if self._revision is not None:
                self._api.create_branch(
                    self.name, repo_type="dataset", branch=self._revision, exist_ok=True
                )

    def send(self, files: Sequence[LocalFile], remove: Sequence[str], message: str) -> None:
        from huggingface_hub import CommitOperationAdd, CommitOperationDelete

        operations = [
            *(CommitOperationAdd(path_in_repo=f.name, path_or_fileobj=f.path) for f in files),
            *(CommitOperationDelete(path_in_repo=str(PurePosixPath(name))) for name in remove),
        ]
        with self._told():
            self._api.create_commit(
                self.name,
                operations,
                commit_message=message,
                repo_type="dataset",
                revision=self._revision,
            )

    def finish(self) -> None:
        if self._tag is not None:
            with self._told():
                self._api.create_tag(
                    self.name,
                    tag=self._tag,
                    repo_type="dataset",
                    revision=self._revision,
                    exist_ok=True,
                )
                tagged, head = (
                    self._api.dataset_info(self.name, revision=revision).sha
                    for revision in (self._tag, self._revision)
                )
            if tagged != head:
                raise RunError(
                    f"{self.name}: all files are there, but the tag {self._tag} is taken: it names "
                    f"commit {tagged}, not {head}; publish again with another --tag"
                )

    @contextmanager
    def _told(self) -> Iterator[None]:
        """The client's errors as ours; the token, should one of them hold it, is cut out."""
        from huggingface_hub.errors import HfHubHTTPError
        from huggingface_hub.utils import httpx  # Its own: httpx2 from 2.0 on.

        try:
            yield
        except HfHubHTTPError as error:
            status = error.response.status_code if error.response is not None else None
            text = self._clean(error)
            if status == 401:
                raise PrerequisiteError(
                    f"{self.name}: the Hub does not know this token; {TOKEN_HELP}"
                ) from None
            if status == 403:
                raise PrerequisiteError(
                    f"{self.name}: this token may not write there; {TOKEN_HELP}"
                ) from None
            raise RunError(f"{self.name}: the Hub refused: {text}; publish again") from None
        except (httpx.HTTPError, OSError) as error:
            raise RunError(
                f"{self.name}: the Hub can't be reached: {self._clean(error)}; publish again to go on"
            ) from None

    def _clean(self, error: Exception) -> str:
        return " ".join(str(error).replace(self._token, "***").split())[:500]


def _same(entry: Any, file: LocalFile) -> bool:
    if entry.size != file.size:
        return False
    if entry.lfs is not None:
        return bool(entry.lfs.sha256 == file.sha256)
    return bool(entry.blob_id == file.git_id)
