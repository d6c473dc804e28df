"""The shape of the checkout: what lies where, how long a file may be, what no file may use."""

from __future__ import annotations

import ast
import re
import sys
from pathlib import Path

import pytest

if sys.version_info >= (3, 11):
    import tomllib
else:
    import tomli as tomllib

ROOT = Path(__file__).resolve().parent.parent
FOLDERS = [name for name in ("spikesim", "hardware", "models", "tools") if (ROOT / name).is_dir()]
SOURCES = sorted(path for folder in FOLDERS for path in (ROOT / folder).rglob("*.py"))
TOP = {*FOLDERS, "tests", "pyproject.toml", "README.md", "LICENSE", "CHANGELOG.md"}
MAY = {"docs", "examples", "CONTRIBUTING.md", "CITATION.cff"}  # at the top, too
MADE = {"build", "dist", "runs", "spikesim.egg-info"}  # by work in the checkout; .gitignore names them
LONGEST_FILE = 400
UNTESTED = 60  # lines up to which a module needs no test of its own
ELSEWHERE = {  # modules that only run in another Python, which this one cannot import
    "hardware/nir/peers/library_cases.py": "networks of those libraries: the stage NIR of tools/test",
    "hardware/nir/peers/library_graphs.py": "graphs of those libraries: the stage NIR of tools/test",
    "hardware/nir/peers/nir_peers.py": "norse, sinabs, spikingjelly, snnTorch: the stage NIR of tools/test",
    "tools/peers/brunel_brian2.py": "a program of its own, which `spikesim brunel` starts",
    "tools/peers/brunel_nest.py": "NEST, which is not installed here",
    "tools/peers/inference_torch.py": "PyTorch, which tools/test has in the environment of the peers",
}
FORBIDDEN_MODULES = {"pickle", "cPickle", "dill", "cloudpickle", "shelve", "marshal", "joblib"}
IMPORTS = (ast.Import, ast.ImportFrom)
LAVAS = ROOT / "hardware" / "onchip" / "processes"  # classes of Lava's processes: imported where Lava is used
DISTRIBUTIONS = {"sklearn": "scikit-learn", "lava": "lava-nc"}  # named otherwise than their module
FORBIDDEN_CALLS = {"eval", "exec", "compile", "__import__"}


def named(path: Path) -> str:
    """A file's path as the checkout's reader says it."""
    return path.relative_to(ROOT).as_posix()


def parsed(path: Path) -> ast.Module:
    """A file's syntax tree."""
    return ast.parse(path.read_text(encoding="utf-8"), filename=str(path))


def imported_modules(tree: ast.AST) -> set[str]:
    """The top names of all modules that a file imports, wherever in it."""
    names = {alias.name for node in ast.walk(tree) if isinstance(node, ast.Import) for alias in node.names}
    names |= {
        node.module
        for node in ast.walk(tree)
        if isinstance(node, ast.ImportFrom) and node.module and not node.level
    }
    return {name.split(".")[0] for name in names}


def unsafe(tree: ast.AST) -> list[str]:
    """Uses of pickle and its like, of eval and its like, and of numpy's loader with pickles allowed."""
    found = list(imported_modules(tree) & FORBIDDEN_MODULES)
    for node in ast.walk(tree):
        if not isinstance(node, ast.Call):
            continue
        if isinstance(node.func, ast.Name) and node.func.id in FORBIDDEN_CALLS:
            found.append(f"{node.func.id}() in line {node.lineno}")
        for keyword in node.keywords:
            forbids = isinstance(keyword.value, ast.Constant) and keyword.value.value is False
            if keyword.arg == "allow_pickle" and not forbids:
                found.append(f"allow_pickle in line {node.lineno}")
    return sorted(found)


def protocol_methods(tree: ast.Module) -> set[str]:
    """The names of the methods that a Protocol documents, once for all classes that follow it."""
    protocols = [
        node
        for node in tree.body
        if isinstance(node, ast.ClassDef) and any("Protocol" in ast.unparse(base) for base in node.bases)
    ]
    methods = [node for protocol in protocols for node in protocol.body if isinstance(node, ast.FunctionDef)]
    return {method.name for method in methods if ast.get_docstring(method)}


def undocumented(tree: ast.Module, promised: set[str]) -> list[str]:
    """Public classes, functions and methods without a docstring. A private class hides what is in it."""
    missing = [] if ast.get_docstring(tree) else ["the module"]

    def visit(body: list[ast.stmt], prefix: str) -> None:
        for node in body:
            if not isinstance(node, (ast.FunctionDef, ast.AsyncFunctionDef, ast.ClassDef)):
                continue
            if node.name.startswith("_") or any(_is_overload(d) for d in node.decorator_list):
                continue
            if not ast.get_docstring(node) and not (prefix and node.name in promised):
                missing.append(prefix + node.name)
            if isinstance(node, ast.ClassDef):
                visit(node.body, f"{prefix}{node.name}.")

    visit(tree.body, "")
    return missing


def _is_overload(decorator: ast.expr) -> bool:
    return isinstance(decorator, ast.Name) and decorator.id == "overload"


def distribution(requirement: str) -> str:
    """The normal form of the name that a requirement begins with."""
    return re.split(r"[\[<>=!;~ ]", requirement.lower(), maxsplit=1)[0].replace("_", "-")


def packages_on_disk() -> set[str]:
    """The packages that the folders make: every folder that holds a .py file, under its installed name.

    But for tools/dev, the developers' commands, which stay in the checkout.
    """
    found = set()
    for path in SOURCES:
        if ROOT / "tools" / "dev" in path.parents:
            continue
        parts = path.parent.relative_to(ROOT).parts
        found.add(".".join(parts if parts[0] == "spikesim" else ("spikesim", *parts)))
    return found


def module_name(path: Path) -> str:
    """The name under which a source file is imported."""
    parts = path.relative_to(ROOT).with_suffix("").parts
    return ".".join(parts if parts[0] == "spikesim" else ("spikesim", *parts)).removesuffix(".__init__")


def mirror(path: Path) -> Path:
    """The folder of tests that mirrors a source file's folder; the nearest above it, where there is none."""
    parts = path.parent.relative_to(ROOT).parts
    folder = ROOT / "tests"
    for part in parts[1:] if parts[0] == "spikesim" else parts:
        if not (folder / part).is_dir():
            break
        folder /= part
    return folder


def files_in(folder: Path) -> list[Path]:
    """The test files of a folder and of those below it; of the top folder its own alone."""
    found = folder.glob("test_*.py") if folder == ROOT / "tests" else folder.rglob("test_*.py")
    return sorted(found)


def handed_on(sources: list[Path]) -> dict[tuple[str, str], tuple[str, str]]:
    """(package, name) -> (module, name) that its __init__.py imports it from."""
    found = {}
    for path in sources:
        if path.name == "__init__.py":
            for module, name, known_as in imports_from(parsed(path)):
                if (module, name) != (module_name(path), known_as):
                    found[module_name(path), known_as] = module, name
    return found


def imports_from(tree: ast.AST) -> list[tuple[str, str, str]]:
    """(module, name, the name that it gets) of every `from module import name`."""
    nodes = [node for node in ast.walk(tree) if isinstance(node, ast.ImportFrom)]
    return [
        (node.module, alias.name, alias.asname or alias.name)
        for node in nodes
        if node.module and not node.level
        for alias in node.names
    ]


def used_modules(
    tree: ast.AST, modules: set[str], handed: dict[tuple[str, str], tuple[str, str]]
) -> set[str]:
    """The modules that a test imports, or whose names it takes from the package that hands them on."""
    found: set[str] = set()
    aliases: dict[str, str] = {}

    def take(module: str, name: str) -> None:
        while True:
            found.update({module, f"{module}.{name}"} & modules)
            if (module, name) not in handed:
                return
            module, name = handed[module, name]

    for node in ast.walk(tree):
        if isinstance(node, ast.Import):
            found.update({alias.name for alias in node.names} & modules)
            aliases |= {alias.asname: alias.name for alias in node.names if alias.asname}
    for module, name, known_as in imports_from(tree):
        take(module, name)
        if f"{module}.{name}" in modules:
            aliases[known_as] = f"{module}.{name}"
    for node in ast.walk(tree):
        if isinstance(node, ast.Attribute) and isinstance(node.value, ast.Name) and node.value.id in aliases:
            take(aliases[node.value.id], node.attr)
    return found


def untested(sources: list[Path]) -> dict[str, str]:
    """Modules that no test of their own folder imports -> the folder in which one is missing."""
    modules, handed = {module_name(path) for path in sources}, handed_on(sources)
    used: dict[Path, set[str]] = {}
    missing = {}
    for path in sources:
        lines = len(path.read_text(encoding="utf-8").splitlines())
        if lines <= UNTESTED or path.name == "__init__.py" or named(path) in ELSEWHERE:
            continue
        folder = mirror(path)
        if folder not in used:
            trees = map(parsed, files_in(folder))
            used[folder] = set().union(*(used_modules(tree, modules, handed) for tree in trees))
        if module_name(path) not in used[folder]:
            missing[named(path)] = named(folder)
    return missing


def test_there_is_something_to_look_at() -> None:
    assert {"spikesim", "models", "tools"} <= set(FOLDERS)
    assert len(SOURCES) >= 20


def test_top_level_holds_only_what_the_layout_names() -> None:
    entries = {path.name for path in ROOT.iterdir() if not path.name.startswith(".")}
    assert entries - TOP - MAY - MADE == set()
    assert TOP - entries == set()


def test_every_package_is_listed_for_the_wheel() -> None:
    with (ROOT / "pyproject.toml").open("rb") as handle:
        listed = set(tomllib.load(handle)["tool"]["setuptools"]["packages"])
    assert packages_on_disk() == listed, "see [tool.setuptools] packages in pyproject.toml"


def test_every_package_says_what_it_is() -> None:
    bare = {path.parent for path in SOURCES} - {path.parent for path in SOURCES if path.name == "__init__.py"}
    assert not bare, f"no __init__.py in {sorted(map(named, bare))}"


def test_a_file_fits_in_the_head() -> None:
    lengths = {named(path): len(path.read_text(encoding="utf-8").splitlines()) for path in SOURCES}
    long = {name: lines for name, lines in lengths.items() if lines > LONGEST_FILE}
    assert not long, f"split where there are two reasons to change (limit {LONGEST_FILE} lines): {long}"


def test_every_module_has_a_test_where_its_path_says() -> None:
    missing = untested(SOURCES)
    listed = "\n".join(f"  {name}: imported by no test_*.py in {folder}/" for name, folder in missing.items())
    assert not missing, (
        f"{len(missing)} modules of more than {UNTESTED} lines have no test beside them. Write one of what "
        f"the module does, in the folder of tests that mirrors its path (the nearest that exists):\n{listed}"
    )


def test_what_runs_elsewhere_is_there_and_cannot_be_imported_here() -> None:
    for name in ELSEWHERE:
        assert "peers" in Path(name).parts and (ROOT / name).is_file(), f"{name}: no longer a peer's script"


def test_no_pickle_no_eval() -> None:
    found = {named(path): unsafe(parsed(path)) for path in SOURCES}
    assert {name: uses for name, uses in found.items() if uses} == {}


def test_what_is_public_has_a_docstring() -> None:
    promised = set().union(*(protocol_methods(parsed(path)) for path in SOURCES))
    written = [
        path for path in SOURCES if path.read_text(encoding="utf-8").strip()
    ]  # not an empty __init__.py
    found = {named(path): undocumented(parsed(path), promised) for path in written}
    assert {name: missing for name, missing in found.items() if missing} == {}


def test_only_jit_knows_numba() -> None:
    users = {named(path) for path in SOURCES if "numba" in imported_modules(parsed(path))}
    assert users == {"spikesim/_jit.py"}


def test_what_is_imported_is_declared() -> None:
    """At a file's top only what the core depends on; inside a function also what an extra brings."""
    with (ROOT / "pyproject.toml").open("rb") as handle:
        project = tomllib.load(handle)["project"]
    extras = project["optional-dependencies"]
    core = {distribution(line) for line in project["dependencies"]}
    optional = {distribution(line) for name in extras if name not in ("all", "dev") for line in extras[name]}
    own = sys.stdlib_module_names | {"spikesim", "tomllib"}  # tomllib: since Python 3.11
    found = set()
    for path in SOURCES:
        if "peers" in path.parts:  # scripts for the Pythons that have other simulators
            continue
        tree = parsed(path)
        top = set().union(*(imported_modules(node) for node in tree.body if isinstance(node, IMPORTS)))
        if path.parent == LAVAS:
            top.discard("lava")
        for module in imported_modules(tree) - own:
            allowed = core if module in top else core | optional
            if DISTRIBUTIONS.get(module, module.lower().replace("_", "-")) not in allowed:
                found.add(f"{named(path)} imports {module}")
    assert not found, "declare it in pyproject.toml; what an extra brings is imported where it is used"


def test_the_checks_above_can_fail() -> None:
    bad = ast.parse(
        "import pickle\nfrom numba.core import types\nclass A:\n def f(self):\n  eval('1')\n"
        "def g(): np.load('x', allow_pickle=True)\n"
    )
    assert unsafe(bad) == ["allow_pickle in line 6", "eval() in line 5", "pickle"]
    assert undocumented(bad, set()) == ["the module", "A", "A.f", "g"]
    assert "numba" in imported_modules(bad)


def test_a_module_without_a_test_is_seen(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Of four modules one is imported, one handed on by its package, one is short, and one has no test."""
    lines = "x = 1\n" * (UNTESTED + 1)
    room = tmp_path / "spikesim" / "room"
    (tmp_path / "tests" / "room" / "inner").mkdir(parents=True)
    room.mkdir(parents=True)
    for name in ("named", "handed", "alone"):
        (room / f"{name}.py").write_text(lines)
    (room / "short.py").write_text("x = 1\n")
    (room / "__init__.py").write_text("from spikesim.room.handed import x as y\n")
    test = tmp_path / "tests" / "room" / "inner" / "test_all.py"
    test.write_text("from spikesim.room import named, y\n")
    (tmp_path / "tests" / "test_other.py").write_text("import spikesim.room.alone\n")
    monkeypatch.setattr(sys.modules[__name__], "ROOT", tmp_path)
    sources = sorted((tmp_path / "spikesim").rglob("*.py"))
    assert untested(sources) == {"spikesim/room/alone.py": "tests/room"}, "a test elsewhere does not count"
    test.write_text("import spikesim.room as r\nfrom spikesim.room import named, alone\nr.y\n")
    assert untested(sources) == {}


def test_scripts_can_run_and_stop_at_errors() -> None:
    scripts = [path for path in (ROOT / "tools").iterdir() if path.is_file() and not path.suffix]
    scripts.append(ROOT / ".ci" / "run")
    assert {"setup", "demo", "test", "lint"} <= {path.name for path in scripts}
    for path in scripts:
        assert path.stat().st_mode & 0o111, f"{named(path)} is not executable"
        text = path.read_text(encoding="utf-8")
        assert text.startswith("#!/usr/bin/env bash\n"), named(path)
        assert "\nset -euo pipefail\n" in text, named(path)


def test_one_version() -> None:
    with (ROOT / "pyproject.toml").open("rb") as handle:
        project = tomllib.load(handle)["project"]
    changes = (ROOT / "CHANGELOG.md").read_text(encoding="utf-8")
    assert "## [Unreleased]" in changes or f"## [{project['version']}]" in changes
    pins = (ROOT / "tools" / "constraints.txt").read_text(encoding="utf-8").lower().replace("_", "-")
    extras = project["optional-dependencies"]
    wanted = [*project["dependencies"], *(line for name in extras if name != "all" for line in extras[name])]
    for name in {distribution(requirement) for requirement in wanted} - {"spikesim"}:  # an extra of our own
        assert re.search(rf"^{re.escape(name)}==", pins, re.MULTILINE), (
            f"tools/constraints.txt does not pin {name}"
        )
