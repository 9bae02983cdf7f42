"""A small Hub: the endpoints that huggingface_hub's client calls to publish a dataset, over a folder.

    python -m tests.pipeline.publish.hub_server FOLDER

It prints its port. Large files (`.parquet`) go by git LFS's basic transfer, small ones inside a commit. The
state is on disk, each commit one file, so that a test can look at it from outside.
"""

from __future__ import annotations

import base64
import hashlib
import json
import os
import socket
import sys
from pathlib import Path
from typing import Any

from starlette.applications import Starlette
from starlette.requests import Request
from starlette.responses import JSONResponse, Response
from starlette.routing import Route

TOKEN = "hf_" + "t" * 34
READ_ONLY = "hf_" + "r" * 34


class Hub:
    def __init__(self, folder: Path) -> None:
        self.folder = folder
        (folder / "lfs").mkdir(parents=True, exist_ok=True)

    @property
    def state(self) -> dict[str, Any]:
        path = self.folder / "state.json"
        return dict(json.loads(path.read_text())) if path.exists() else {"repos": {}, "log": []}

    def save(self, state: dict[str, Any]) -> None:
        part = self.folder / "state.part"
        part.write_text(json.dumps(state))
        os.replace(part, self.folder / "state.json")

    def refused(self, request: Request, writes: bool) -> Response | None:
        token = request.headers.get("authorization", "").removeprefix("Bearer ")
        if token not in (TOKEN, READ_ONLY):
            return JSONResponse({"error": "Invalid username or password."}, 401)
        if writes and token == READ_ONLY:
            return JSONResponse({"error": "You don't have the rights to write."}, 403)
        return None

    async def whoami(self, request: Request) -> Response:
        return self.refused(request, False) or JSONResponse(
            {"type": "user", "name": "me", "auth": {"accessToken": {"role": "write"}}}
        )

    async def create(self, request: Request) -> Response:
        if refusal := self.refused(request, True):
            return refusal
        asked, state = await request.json(), self.state
        name = f"{asked.get('organization') or 'me'}/{asked['name']}"
        url = f"{request.base_url}datasets/{name}"
        if name in state["repos"]:
            return JSONResponse({"error": "You already created this repo", "url": url}, 409)
        private = asked.get("private", asked.get("visibility") == "private")
        state["repos"][name] = {
            "files": {},
            "commits": [],
            "tags": {},
            "branches": {},
            "private": private,
        }
        self.save(state)
        return JSONResponse({"url": url, "name": name, "id": name})

    def repo(self, request: Request, state: dict[str, Any]) -> dict[str, Any] | None:
        name = f"{request.path_params['owner']}/{request.path_params['name']}"
        found = state["repos"].get(name.removesuffix(".git"))
        return None if found is None else dict(found)

    def branch(self, request: Request, state: dict[str, Any]) -> dict[str, Any] | None:
        """Its files and commits; main's are the repository's own."""
        if (repo := self.repo(request, state)) is None:
            return None
        name = request.path_params.get("revision", "main")
        return repo if name == "main" else repo["branches"].get(name)

    def missing_revision(self) -> Response:
        headers = {"X-Error-Code": "RevisionNotFound", "X-Error-Message": "Invalid rev id"}
        return JSONResponse({"error": "Invalid rev id"}, 404, headers)

    def missing(self) -> Response:
        headers = {"X-Error-Code": "RepoNotFound", "X-Error-Message": "Repository not found"}
        return JSONResponse({"error": "Repository not found"}, 404, headers)

    async def tree(self, request: Request) -> Response:
        if refusal := self.refused(request, False):
            return refusal
        if self.repo(request, self.state) is None:
            return self.missing()
        if (repo := self.branch(request, self.state)) is None:
            return self.missing_revision()
        return JSONResponse([{"type": "file", "path": p, **f} for p, f in repo["files"].items()])

    async def info(self, request: Request) -> Response:
        if refusal := self.refused(request, False):
            return refusal
        if (repo := self.repo(request, self.state)) is None:
            return self.missing()
        sha = repo["tags"].get(request.path_params.get("revision"))
        if sha is None:
            if (branch := self.branch(request, self.state)) is None:
                return self.missing_revision()
            sha = (branch["commits"] or ["0" * 40])[-1]
        return JSONResponse({"id": "me/d", "sha": sha, "siblings": []})

    async def preupload(self, request: Request) -> Response:
        if refusal := self.refused(request, True):
            return refusal
        if (repo := self.branch(request, self.state)) is None:
            return self.missing()
        files = []
        for file in (await request.json())["files"]:
            there = repo["files"].get(file["path"])
            large = file["path"].endswith(".parquet")
            oid = None if there is None else (there.get("lfs") or {}).get("oid", there["oid"])
            files.append(
                {
                    "path": file["path"],
                    "uploadMode": "lfs" if large else "regular",
                    "shouldIgnore": False,
                    "oid": oid,
                }
            )
        return JSONResponse({"files": files})

    async def batch(self, request: Request) -> Response:
        if refusal := self.refused(request, True):
            return refusal
        objects = []
        for one in (await request.json())["objects"]:
            entry = {"oid": one["oid"], "size": one["size"]}
            if not (self.folder / "lfs" / one["oid"]).exists():
                href = f"{request.base_url}lfs/{one['oid']}"
                entry["actions"] = {"upload": {"href": href, "header": {}}}
            objects.append(entry)
        return JSONResponse({"transfer": "basic", "objects": objects})

    async def put(self, request: Request) -> Response:
        oid, digest, part = request.path_params["oid"], hashlib.sha256(), None
        part = self.folder / f"{oid}.{id(request)}.part"
        with part.open("wb") as file:
            async for piece in request.stream():
                digest.update(piece)
                file.write(piece)
        if digest.hexdigest() != oid:
            part.unlink()
            return JSONResponse({"error": "checksum differs"}, 400)
        os.replace(part, self.folder / "lfs" / oid)
        return Response(status_code=200)

    async def commit(self, request: Request) -> Response:
        if refusal := self.refused(request, True):
            return refusal
        lines = [json.loads(line) for line in (await request.body()).splitlines() if line]
        state = self.state
        name = f"{request.path_params['owner']}/{request.path_params['name']}"
        if name not in state["repos"]:
            return self.missing()
        if (repo := self.branch(request, state)) is None:
            return self.missing_revision()
        added = 0
        for line in lines:
            value = line["value"]
            if line["key"] == "file":
                content = base64.b64decode(value["content"])
                oid = hashlib.sha1(b"blob %d\0" % len(content) + content).hexdigest()
                repo["files"][value["path"]] = {"oid": oid, "size": len(content)}
                (self.folder / "lfs" / oid).write_bytes(content)
                added += 1
            elif line["key"] == "lfsFile":
                if not (self.folder / "lfs" / value["oid"]).exists():
                    return JSONResponse({"error": "no such LFS object"}, 422)
                lfs = {"oid": value["oid"], "size": value["size"], "pointerSize": 130}
                repo["files"][value["path"]] = {"oid": "p" * 40, "size": value["size"], "lfs": lfs}
                added += 1
            elif line["key"] == "deletedFile":
                repo["files"].pop(value["path"])
        commit = hashlib.sha1(json.dumps(repo).encode()).hexdigest()
        repo["commits"].append(commit)
        state["log"].append(added)
        self.save(state)
        url = f"{request.base_url}datasets/{name}/commit/{commit}"
        return JSONResponse({"success": True, "commitOid": commit, "commitUrl": url})

    async def tag(self, request: Request) -> Response:
        if refusal := self.refused(request, True):
            return refusal
        state = self.state
        repo, branch = self.repo(request, state), self.branch(request, state)
        if repo is None or branch is None:
            return self.missing_revision()
        name = (await request.json())["tag"]
        if name in repo["tags"]:
            return JSONResponse({"error": f"Tag {name} exists already"}, 409)
        repo["tags"][name] = branch["commits"][-1]
        self.save(state)
        return JSONResponse({})

    async def new_branch(self, request: Request) -> Response:
        if refusal := self.refused(request, True):
            return refusal
        state = self.state
        if (repo := self.repo(request, state)) is None:
            return self.missing()
        if (name := request.path_params["branch"]) in repo["branches"]:
            return JSONResponse({"error": f"Branch {name} exists already"}, 409)
        repo["branches"][name] = {"files": dict(repo["files"]), "commits": list(repo["commits"])}
        self.save(state)
        return JSONResponse({})

    async def valid(self, request: Request) -> Response:
        return JSONResponse({"errors": [], "warnings": []})

    def app(self) -> Starlette:
        repo = "/api/datasets/{owner}/{name}"
        return Starlette(
            routes=[
                Route("/api/whoami-v2", self.whoami),
                Route("/api/validate-yaml", self.valid, methods=["POST"]),
                Route("/api/repos/create", self.create, methods=["POST"]),
                Route(repo + "/tree/{revision}", self.tree),
                Route(repo + "/preupload/{revision}", self.preupload, methods=["POST"]),
                Route(repo + "/commit/{revision}", self.commit, methods=["POST"]),
                Route(repo + "/tag/{revision}", self.tag, methods=["POST"]),
                Route(repo + "/branch/{branch}", self.new_branch, methods=["POST"]),
                Route(repo + "/revision/{revision}", self.info),
                Route(repo, self.info),
                Route(
                    "/datasets/{owner}/{name}/info/lfs/objects/batch", self.batch, methods=["POST"]
                ),
                Route("/lfs/{oid}", self.put, methods=["PUT"]),
            ]
        )


def main() -> None:
    import uvicorn

    listener = socket.socket()
    listener.bind(("127.0.0.1", 0))
    print(listener.getsockname()[1], flush=True)
    server = uvicorn.Server(uvicorn.Config(Hub(Path(sys.argv[1])).app(), log_level="warning"))
    server.run(sockets=[listener])


if __name__ == "__main__":
    main()
