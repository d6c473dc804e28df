"""Downloads, archives, sources and cache: complete files or none. The network is a local server."""

from __future__ import annotations

import gzip
import hashlib
import io
import resource
import tarfile
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path

import numpy as np
import pytest

from spikesim import datasets
from spikesim.datasets import download as download_module
from spikesim.datasets import sources
from spikesim.datasets.archives import DamagedError, ar_member, gunzip, tar_members
from spikesim.datasets.cache import CachedFile
from spikesim.datasets.download import CHUNK, SourceError, download, shown
from spikesim.datasets.fetching import Collection, fetch_files, read_files
from spikesim.datasets.sources import DebianPackage, NpmPackage, WebFolder
from spikesim.errors import DataError

BODY = bytes(np.random.Generator(np.random.Philox(key=5)).integers(0, 256, 700_000, dtype=np.uint8))


class Site:
    """A local web server: `files` by path, and a queue of `faults`, each of which spoils one response."""

    def __init__(self, port: int) -> None:
        self.url = f"http://127.0.0.1:{port}"
        self.files: dict[str, bytes] = {}
        self.faults: list[str] = []
        self.asked: list[tuple[str, str | None]] = []  # (path, Range header)


@pytest.fixture
def site(monkeypatch: pytest.MonkeyPatch) -> Iterator[Site]:
    """A running server, without proxy and without pauses between attempts."""

    class Handler(BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            answer(self, the_site)

        def log_message(self, *args: object) -> None:
            """Keep the tests' output clean."""

    for name in ("http_proxy", "https_proxy", "all_proxy"):
        monkeypatch.delenv(name, raising=False)
        monkeypatch.delenv(name.upper(), raising=False)
    monkeypatch.setattr(download_module.time, "sleep", lambda seconds: None)
    server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    server.daemon_threads = False
    the_site = Site(server.server_address[1])
    thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.01})
    thread.start()
    yield the_site
    server.shutdown()
    thread.join()
    server.server_close()


def answer(request: BaseHTTPRequestHandler, site: Site) -> None:
    """Answer one request from the server's files and its next fault."""
    wanted = request.headers.get("Range")
    site.asked.append((request.path, wanted))
    fault = site.faults.pop(0) if site.faults else ""
    body = site.files.get(request.path)
    if fault.isdigit() or body is None:
        request.send_error(int(fault) if fault.isdigit() else 404)
        return
    start = 0
    if wanted and fault != "no-ranges":
        start = int(wanted.removeprefix("bytes=").rstrip("-"))
        if start >= len(body):
            request.send_error(416)
            return
        request.send_response(206)
        request.send_header("Content-Range", f"bytes {start}-{len(body) - 1}/{len(body)}")
    else:
        request.send_response(200)
    request.send_header("Content-Length", str(len(body) - start))
    request.end_headers()
    half = (len(body) - start) // 2
    request.wfile.write(body[start : start + half] if fault == "cut" else body[start:])


@pytest.fixture
def cache(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """An empty cache folder."""
    monkeypatch.setenv("SPIKESIM_DATA", str(tmp_path / "cache"))
    return tmp_path / "cache"


def file_of(name: str, data: bytes) -> CachedFile:
    """A `CachedFile` with these contents."""
    return CachedFile(name, hashlib.sha256(data).hexdigest(), len(data))


def tar_of(members: dict[str, bytes], mode: str = "w:gz") -> bytes:
    """A tar archive of these members."""
    buffer = io.BytesIO()
    with tarfile.open(fileobj=buffer, mode=mode) as archive:
        for name, data in members.items():
            head = tarfile.TarInfo(name)
            head.size = len(data)
            archive.addfile(head, io.BytesIO(data))
    return buffer.getvalue()


def ar_of(members: dict[str, bytes]) -> bytes:
    """A Unix ar archive of these members."""
    parts = [b"!<arch>\n"]
    for name, data in members.items():
        head = f"{name + '/':<16}{'0':<12}{'0':<6}{'0':<6}{'100644':<8}{len(data):<10}`\n"
        parts += [head.encode(), data, b"\n" * (len(data) % 2)]
    return b"".join(parts)


@contextmanager
def files_no_larger_than(size: int) -> Iterator[None]:
    """Limit the size of written files, as on a full disk."""
    soft, hard = resource.getrlimit(resource.RLIMIT_FSIZE)
    resource.setrlimit(resource.RLIMIT_FSIZE, (size, hard))
    try:
        yield
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, (soft, hard))


class TestDownload:
    def test_whole_with_progress(self, site: Site, tmp_path: Path) -> None:
        site.files["/f.bin"] = BODY
        seen: list[tuple[int, int | None]] = []
        assert (
            download(f"{site.url}/f.bin", tmp_path, lambda what, done, total: seen.append((done, total)))
            == BODY
        )
        assert seen == sorted(seen)
        assert seen[-1] == (len(BODY), len(BODY))
        assert list(tmp_path.iterdir()) == []  # no part is left

    def test_goes_on_where_the_connection_broke(self, site: Site, tmp_path: Path) -> None:
        site.files["/f.bin"] = BODY
        site.faults = ["cut", "cut"]
        assert download(f"{site.url}/f.bin", tmp_path) == BODY
        starts = [int((wanted or "bytes=0-")[6:-1]) for _, wanted in site.asked]
        assert starts[0] == 0
        assert 350_000 - CHUNK < starts[1] <= 350_000
        assert starts[1] < starts[2] <= 525_000

    def test_goes_on_in_the_next_process(self, site: Site, tmp_path: Path) -> None:
        site.files["/f.bin"] = BODY
        site.faults = ["cut"]
        with pytest.raises(SourceError, match="ended"):
            download(f"{site.url}/f.bin", tmp_path, attempts=1)
        assert download(f"{site.url}/f.bin", tmp_path) == BODY
        wanted = site.asked[-1][1]
        assert wanted is not None
        assert 350_000 - CHUNK < int(wanted[6:-1]) <= 350_000

    @pytest.mark.parametrize("leftover", [BODY[:1000], b"wrong" * 100])
    def test_server_without_ranges_starts_over(self, site: Site, tmp_path: Path, leftover: bytes) -> None:
        site.files["/f.bin"] = BODY
        site.faults = ["cut"]
        with pytest.raises(SourceError):
            download(f"{site.url}/f.bin", tmp_path, attempts=1)
        (part,) = tmp_path.iterdir()
        part.write_bytes(leftover)
        site.faults = ["no-ranges"]
        assert download(f"{site.url}/f.bin", tmp_path) == BODY

    def test_part_longer_than_the_file_is_thrown_away(self, site: Site, tmp_path: Path) -> None:
        site.files["/f.bin"] = BODY
        site.faults = ["cut"]
        with pytest.raises(SourceError):
            download(f"{site.url}/f.bin", tmp_path, attempts=1)
        (part,) = tmp_path.iterdir()
        part.write_bytes(BODY + b"more")
        assert download(f"{site.url}/f.bin", tmp_path) == BODY

    def test_busy_server_is_asked_again(self, site: Site, tmp_path: Path) -> None:
        site.files["/f.bin"] = BODY
        site.faults = ["503", "429"]
        assert download(f"{site.url}/f.bin", tmp_path) == BODY
        assert len(site.asked) == 3

    def test_missing_file_is_not_asked_for_again(self, site: Site, tmp_path: Path) -> None:
        with pytest.raises(SourceError, match="HTTP 404"):
            download(f"{site.url}/none", tmp_path)
        assert len(site.asked) == 1

    def test_attempts_are_counted(self, site: Site, tmp_path: Path) -> None:
        site.files["/f.bin"] = BODY
        site.faults = ["500"] * 9
        with pytest.raises(SourceError, match=r"HTTP 500 \(3 attempts\)"):
            download(f"{site.url}/f.bin", tmp_path, attempts=3)
        assert len(site.asked) == 3

    def test_refused_connection(self, site: Site, tmp_path: Path) -> None:
        with pytest.raises(SourceError, match=r"connection refused \(2 attempts\)"):
            download("http://127.0.0.1:9/f.bin", tmp_path)

    def test_too_large(self, site: Site, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
        site.files["/f.bin"] = BODY
        monkeypatch.setattr(download_module, "MAX_BYTES", 1000)
        with pytest.raises(SourceError, match=r"limit of 1000"):
            download(f"{site.url}/f.bin", tmp_path)

    def test_full_disk(self, site: Site, tmp_path: Path) -> None:
        site.files["/f.bin"] = BODY
        with (
            files_no_larger_than(100_000),
            pytest.raises(DataError, match=r"limit on file sizes.*SPIKESIM_DATA"),
        ):
            download(f"{site.url}/f.bin", tmp_path)

    def test_shown_hides_secrets(self) -> None:
        assert shown("https://me:secret@host/path/f.tgz?token=x") == "https://host/path/f.tgz"


class TestArchives:
    @pytest.mark.parametrize("mode", ["w", "w:gz", "w:xz", "w:bz2"])
    def test_wanted_members_of_a_tar(self, mode: str) -> None:
        data = tar_of({"./a/x": b"1", "a/y": b"22", "a/z": b""}, mode)
        assert dict(tar_members(data, lambda name: name != "a/y")) == {"a/x": b"1", "a/z": b""}

    @pytest.mark.parametrize("name", ["../up", "a/../../up", "/etc/passwd", "a\\..\\up"])
    def test_path_that_leaves_the_archive(self, name: str) -> None:
        with pytest.raises(DamagedError, match="a path outside the archive"):
            list(tar_members(tar_of({name: b"1"}), lambda name: True))

    @pytest.mark.parametrize("kind", [tarfile.SYMTYPE, tarfile.LNKTYPE, tarfile.CHRTYPE, tarfile.FIFOTYPE])
    def test_links_and_devices(self, kind: bytes) -> None:
        buffer = io.BytesIO()
        with tarfile.open(fileobj=buffer, mode="w") as archive:
            head = tarfile.TarInfo("x")
            head.type, head.linkname = kind, "/etc/passwd"
            archive.addfile(head)
        with pytest.raises(DamagedError, match="link or device"):
            list(tar_members(buffer.getvalue(), lambda name: True))

    def test_twice_the_same_name(self) -> None:
        with pytest.raises(DamagedError, match="occurs twice"):
            list(tar_members(tar_of({"x": b"1", "./x": b"2"}), lambda name: True))

    def test_size_bound_holds_before_anything_is_unpacked(self) -> None:
        bomb = tar_of({"x": bytes(10**6)})
        with pytest.raises(DamagedError, match="exceed the limit of 1000 bytes"):
            list(tar_members(bomb, lambda name: True, limit=1000))
        with pytest.raises(DamagedError, match="exceed the limit of 1000 bytes"):
            gunzip(gzip.compress(bytes(10**6)), limit=1000)

    @pytest.mark.parametrize("data", [b"", b"<html>log in</html>", tar_of({"x": BODY})[:9000]])
    def test_damaged_tar(self, data: bytes) -> None:
        with pytest.raises(DamagedError, match="incomplete or damaged tar archive"):
            list(tar_members(data, lambda name: True))

    @pytest.mark.parametrize("cut", [5, 30, -1])
    def test_damaged_gzip(self, cut: int) -> None:
        with pytest.raises(DamagedError, match="incomplete or damaged gzip"):
            gunzip(gzip.compress(b"some text to be cut" * 9)[:cut])

    def test_what_is_not_gzip_is_left_alone(self) -> None:
        assert gunzip(b"plain") == b"plain"

    @pytest.mark.parametrize("size", [0, 1, 2, 59, 60, 61])
    def test_ar_members_of_odd_and_even_sizes(self, size: int) -> None:
        data = ar_of({"debian-binary": b"2" * size, "data.tar.xz": b"contents"})
        assert ar_member(data, "data.tar") == b"contents"
        assert ar_member(data, "debian") == b"2" * size

    @pytest.mark.parametrize(
        ("data", "words"),
        [
            (b"PK", "not an ar archive"),
            (ar_of({"a": b"1"}), "no member data.tar"),
            (ar_of({"data.tar": b"123456"})[:-3], "truncated"),
            (b"!<arch>\n" + b"x" * 60, "no member header at byte 8"),
            (b"!<arch>\nabc", "no member header at byte 8"),
        ],
    )
    def test_damaged_ar(self, data: bytes, words: str) -> None:
        with pytest.raises(DamagedError, match=words):
            ar_member(data, "data.tar")


class TestSources:
    @pytest.fixture
    def home(self, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
        """A home folder without any npm configuration."""
        for name in ("npm_config_registry", "NPM_CONFIG_REGISTRY", "npm_config_userconfig"):
            monkeypatch.delenv(name, raising=False)
        monkeypatch.setenv("HOME", str(tmp_path))
        read = sources._npmrc
        monkeypatch.setattr(
            sources, "_npmrc", lambda path: read(path) if path.is_relative_to(tmp_path) else None
        )
        return tmp_path

    def test_registry_as_npm_finds_it(self, home: Path, monkeypatch: pytest.MonkeyPatch) -> None:
        assert sources.npm_registry() == "https://registry.npmjs.org"
        monkeypatch.setenv("NPM_HOST", "npm.example")
        (home / ".npmrc").write_text(
            "; a comment\n@scope:registry=https://other\nregistry = https://${NPM_HOST}/npm/\n"
        )
        assert sources.npm_registry() == "https://npm.example/npm"
        monkeypatch.setenv("NPM_CONFIG_REGISTRY", "https://upper.example/")
        assert sources.npm_registry() == "https://upper.example"
        monkeypatch.setenv("npm_config_registry", "http://lower.example")
        assert sources.npm_registry() == "http://lower.example"

    def test_registry_that_is_no_url(self, home: Path, monkeypatch: pytest.MonkeyPatch) -> None:
        monkeypatch.setenv("npm_config_registry", "file:///srv")
        with pytest.raises(SourceError, match=r"npm_config_registry\) is not an http"):
            sources.npm_registry()

    def test_npm_package(self, site: Site, home: Path, monkeypatch: pytest.MonkeyPatch) -> None:
        monkeypatch.setenv("npm_config_registry", f"{site.url}/npm/")
        site.files["/npm/digits/-/digits-1.0.0.tgz"] = tar_of(
            {"package/data/f": b"one", "package/x": b"other"}
        )
        package = NpmPackage("digits", "1.0.0", {"f": "package/data/f", "g": "package/data/g"})
        assert list(package.read(["f", "g"], home, None)) == [("f", b"one")]

    def test_debian_package_from_the_next_mirror(
        self, site: Site, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        monkeypatch.setattr(sources, "_apt_uris", lambda package: [f"{site.url}/gone.deb"])
        monkeypatch.setattr(
            sources, "_apt_mirrors", lambda: [f"{site.url}/debian", f"{site.url}/other-archive"]
        )
        unpacked = tar_of({"./usr/share/f.gz": gzip.compress(b"one")}, "w:xz")
        site.files["/debian/pool/f.deb"] = ar_of(
            {"debian-binary": b"2.0\n", "control.tar": b"", "data.tar.xz": unpacked}
        )
        package = DebianPackage("digits", "pool/f.deb", {"f": "usr/share/f.gz"})
        assert list(package.read(["f"], tmp_path, None)) == [("f", b"one")]
        assert [path for path, _ in site.asked] == ["/gone.deb", "/debian/pool/f.deb"]

    def test_apt_sources_of_both_formats(self, tmp_path: Path) -> None:
        (tmp_path / "sources.list.d").mkdir()
        (tmp_path / "sources.list").write_text(
            "# deb http://commented/debian x main\ndeb [arch=amd64 signed-by=/k] http://one/debian x main\n"
            "deb-src http://source/debian x main\ndeb cdrom:[disc]/ x main\n"
        )
        (tmp_path / "sources.list.d" / "two.sources").write_text(
            "Types: deb\nURIs: https://two/debian file:///srv/debian http://three/ubuntu/\nSuites: x\n"
        )
        (tmp_path / "sources.list.d" / "notes.save").write_text("deb http://saved/debian x main\n")
        assert sources._apt_mirrors(tmp_path) == [
            "http://one/debian",
            "https://two/debian",
            "http://three/ubuntu/",
        ]


class TestFetching:
    @pytest.fixture
    def two(self, site: Site) -> Collection:
        """Two files at one web folder, packed."""
        site.files["/good/a.gz"], site.files["/good/b.gz"] = gzip.compress(BODY), gzip.compress(b"bbb")
        return Collection(
            "two", (file_of("a", BODY), file_of("b", b"bbb")), (WebFolder(f"{site.url}/good/", ".gz"),)
        )

    def test_fetched_once_then_offline(self, site: Site, two: Collection, cache: Path) -> None:
        assert not two.present()
        assert read_files(two) == {"a": BODY, "b": b"bbb"}
        assert two.present()
        assert two.size() == len(BODY) + 3
        asked = len(site.asked)
        site.files.clear()
        assert read_files(two) == {"a": BODY, "b": b"bbb"}
        fetch_files(two)
        assert len(site.asked) == asked
        assert sorted(p.name for p in (cache / "two").iterdir()) == [".lock", "a", "b"]

    def test_next_source_gives_what_the_first_lacks(self, site: Site, two: Collection, cache: Path) -> None:
        site.files["/first/a"] = BODY
        site.files["/first/b"] = b"tampered"
        collection = Collection("two", two.files, (WebFolder(f"{site.url}/first/"), *two.sources))
        assert read_files(collection) == {"a": BODY, "b": b"bbb"}
        assert [path for path, _ in site.asked] == ["/first/a", "/first/b", "/good/b.gz"]

    def test_all_sources_fail(self, site: Site, two: Collection, cache: Path) -> None:
        site.files = {"/good/a.gz": b"\x1f\x8bnot gzip"}
        collection = Collection("two", two.files, (*two.sources, WebFolder(f"{site.url}/none/")))
        with pytest.raises(DataError) as caught:
            fetch_files(collection)
        text = str(caught.value)
        assert f"{site.url}/good/: incomplete or damaged gzip file" in text
        assert f"{site.url}/none/: HTTP 404" in text
        assert f"by hand into {cache / 'two'}\n" in text
        assert "a or a.gz (700,000 bytes as a)" in text
        assert "SPIKESIM_DATA" in text
        assert "spikesim datasets fetch two" in text

    @pytest.mark.parametrize(
        "spoil", [lambda data: data[:-1], lambda data: b"\0" + data[1:], lambda data: b""]
    )
    def test_damaged_file_is_named_and_replaced(
        self, two: Collection, cache: Path, spoil: Callable[[bytes], bytes]
    ) -> None:
        fetch_files(two)
        (cache / "two" / "a").write_bytes(spoil(BODY))
        with pytest.raises(DataError, match=r"two/a is damaged.*run: spikesim datasets fetch two"):
            read_files(two)
        fetch_files(two)
        assert read_files(two)["a"] == BODY

    def test_files_put_there_by_hand(self, cache: Path) -> None:
        collection = Collection("two", (file_of("a", BODY), file_of("b", b"bbb")))
        (cache / "two").mkdir(parents=True)
        (cache / "two" / "a.gz").write_bytes(gzip.compress(BODY))
        (cache / "two" / "b").write_bytes(b"bbb")
        assert read_files(collection) == {"a": BODY, "b": b"bbb"}

    def test_given_folder_or_file(self, site: Site, two: Collection, cache: Path, tmp_path: Path) -> None:
        (tmp_path / "a.gz").write_bytes(gzip.compress(BODY))
        (tmp_path / "b").write_bytes(b"wrong")
        with pytest.raises(DataError, match=r"b: unexpected contents"):
            fetch_files(two, given=tmp_path)
        (tmp_path / "b").write_bytes(b"bbb")
        fetch_files(two, given=tmp_path / "b")
        assert read_files(two) == {"a": BODY, "b": b"bbb"}
        assert site.asked == []

    def test_given_what_is_not_there(self, two: Collection, cache: Path, tmp_path: Path) -> None:
        with pytest.raises(DataError, match="no such file or folder"):
            fetch_files(two, given=tmp_path / "nowhere")
        (tmp_path / "other").write_bytes(b"")
        with pytest.raises(DataError, match="not one of the missing files"):
            fetch_files(two, given=tmp_path / "other")

    def test_many_at_once_fetch_once(self, site: Site, two: Collection, cache: Path) -> None:
        problems: list[BaseException] = []

        def work() -> None:
            try:
                assert read_files(two) == {"a": BODY, "b": b"bbb"}
            except BaseException as error:  # noqa: BLE001 (handed to the main thread)
                problems.append(error)

        threads = [threading.Thread(target=work) for _ in range(6)]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()
        assert problems == []
        assert sorted(path for path, _ in site.asked) == ["/good/a.gz", "/good/b.gz"]

    def test_full_disk_leaves_nothing_behind(self, two: Collection, cache: Path) -> None:
        (cache / "two").mkdir(parents=True)
        (cache / "two" / "a.gz").write_bytes(gzip.compress(BODY))
        with files_no_larger_than(100_000), pytest.raises(DataError, match=r"two/a: a limit on file sizes"):
            fetch_files(two)
        assert sorted(p.name for p in (cache / "two").iterdir()) == [".lock", "a.gz"]

    def test_folder_that_cannot_be(
        self, two: Collection, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        (tmp_path / "file").write_bytes(b"")
        monkeypatch.setenv("SPIKESIM_DATA", str(tmp_path / "file" / "cache"))
        with pytest.raises(DataError, match=r"could not be written.*SPIKESIM_DATA"):
            fetch_files(two)


@pytest.mark.data
def test_mnist_itself() -> None:
    """The real files, downloaded if necessary: splits and scaling, verified by hashes."""
    folder = datasets.fetch("mnist")
    assert folder == datasets.cache_folder() / "mnist"
    data = datasets.load("mnist")
    assert (len(data.fit), len(data.validation), len(data.train), len(data.test)) == (
        50_000,
        10_000,
        60_000,
        10_000,
    )
    assert data.shape == (28, 28)
    assert data.train.y[:10].tolist() == [5, 0, 4, 1, 9, 2, 1, 3, 1, 4]
    counts = np.bincount(data.validation.y)
    assert np.abs(counts - np.bincount(data.train.y) / 6).max() < 1  # each class in its share
    levels = np.rint(data.train.x[:100] * 255).astype(np.float32)
    assert np.array_equal(data.train.x[:100], levels / np.float32(255))
    rows = hashlib.sha256(data.validation.index.astype("<i8").tobytes()).hexdigest()
    assert rows[:16] == "f130ace708c540a3"


@pytest.mark.parametrize("wanted", [True, False])
def test_a_header_with_an_absurd_number_is_damage(wanted: bool) -> None:
    data = bytearray(tar_of({"x": b"1"}, "w"))
    data[124:136] = b"\x80" + b"\xff" * 11  # the size, in base 256
    data[148:156] = b" " * 8
    data[148:156] = f"{sum(data[:512]):06o}\0 ".encode()
    with pytest.raises(DamagedError):
        list(tar_members(bytes(data), lambda name: wanted))
