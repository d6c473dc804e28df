"""The code of the documentation: found in the pages, run as a reader would, compared with what a page prints.

A fenced block is
    ```python                run; the blocks of a page share one namespace
    ```text                  right below code: what that block prints (... stands for any text)
    ```console               lines with `$ ` are run in the page's folder, the others are what they print
    ```toml title="my.toml"  with a title, of any language: written to that file, and not run

and one line right above it may say otherwise:
    <!-- not run: REASON -->     an hour, a network, a program that is not installed
    <!-- status: 2 -->           the exit status of the last command; its messages are compared, too
    <!-- raises: NAME -->        the exception that ends the block; its message is what ```text holds
"""

from __future__ import annotations

import code
import contextlib
import io
import re
import shlex
import sys
import types
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path

from spikesim.tools import cli

ROOT = Path(__file__).resolve().parent.parent
PAGES = ROOT / "docs" / "pages"
FENCE = re.compile(
    r"(?:^[ ]*<!-- (?P<mark>not run|status|raises): (?P<word>[^\n]+?) -->\n+)?"
    r"^(?P<indent>[ ]*)```(?P<kind>\w+)(?P<more>[^\n]*)\n(?P<body>.*?)^(?P=indent)```[ ]*$",
    re.DOTALL | re.MULTILINE,
)
TITLE = re.compile(r'title="([^"]+)"')
SHOWN = ("text", "mermaid", "json")  # never run


@dataclass
class Block:
    """A fenced block of a page, and what it is to print."""

    kind: str
    body: str
    line: int
    title: str = ""
    mark: str = ""
    word: str = ""
    output: str | None = None

    @property
    def runs(self) -> bool:
        """Whether it is run, or written to a file."""
        return self.mark != "not run" and (bool(self.title) or self.kind not in SHOWN)


@dataclass
class Page:
    """What became of a page: how many blocks and commands ran, how many did not, and what went wrong."""

    name: str
    blocks: int = 0
    commands: int = 0
    skipped: list[str] = field(default_factory=list)
    wrong: list[str] = field(default_factory=list)


def blocks(text: str) -> list[Block]:
    """The fenced blocks of a page; ```text right below a Python block becomes its output."""
    found: list[Block] = []
    end = 0
    for match in FENCE.finditer(text):
        indent = match["indent"]
        body = "".join(line.removeprefix(indent) for line in match["body"].splitlines(keepends=True))
        block = Block(match["kind"], body, text.count("\n", 0, match.start("kind")) + 1)
        block.title = titled[1] if (titled := TITLE.search(match["more"])) else ""
        block.mark, block.word = match["mark"] or "", match["word"] or ""
        follows = found and not text[end : match.start()].strip() and found[-1].kind == "python"
        if block.kind == "text" and follows and not found[-1].title:
            found[-1].output = body
        else:
            found.append(block)
        end = match.end()
    return found


def commands(body: str) -> Iterator[tuple[list[str], str]]:
    """The commands of a console block as words, without comments, and what each is to print."""
    for part in re.split(r"^\$ ", body, flags=re.MULTILINE)[1:]:
        line, _, printed = part.partition("\n")
        yield shlex.split(line, comments=True), printed


class _Console(code.InteractiveInterpreter):
    """Runs source in one namespace, and keeps the exception that ended it."""

    problem: BaseException | None = None

    def showtraceback(self) -> None:
        self.problem = sys.exc_info()[1]

    def showsyntaxerror(self, filename: str | None = None, **_more: object) -> None:
        self.problem = sys.exc_info()[1]


def run_command(words: list[str]) -> tuple[int, str, str]:
    """`spikesim ...` in this process: exit status, standard output, standard error."""
    out, err, before = io.StringIO(), io.StringIO(), sys.argv
    sys.argv, status = words, 0
    try:
        with contextlib.redirect_stdout(out), contextlib.redirect_stderr(err):
            cli.main()
    except SystemExit as end:
        status = end.code if isinstance(end.code, int) else int(end.code is not None)
    finally:
        sys.argv = before
    return status, out.getvalue(), err.getvalue()


def differs(expected: str, got: str) -> str:
    """What a page says and what was printed, where they differ; an empty text where they agree.

    White space is not compared, and ... stands for any text, also for none.
    """
    pieces = [re.escape(" ".join(piece.split())) for piece in expected.split("...")]
    if re.fullmatch(".*".join(pieces), " ".join(got.split())):
        return ""
    return f"the page says\n{expected.strip()}\nand this was printed\n{got.strip()}"


def run_page(path: Path, name: str) -> Page:
    """Run a page in the working directory."""
    page = Page(name)
    module = types.ModuleType("page")
    sys.modules["page"] = module  # dataclasses look their module up
    console = _Console(vars(module))
    try:
        for block in blocks(path.read_text("utf-8")):
            where = f"{name}:{block.line}"
            if block.mark == "not run":
                page.skipped.append(f"{where}: {block.word}")
            elif block.title:
                Path(block.title).parent.mkdir(parents=True, exist_ok=True)
                Path(block.title).write_text(block.body, "utf-8")
            elif block.kind == "python":
                page.blocks += 1
                page.wrong += [f"{where}: {what}" for what in _python(console, block)]
            elif block.kind == "console":
                page.wrong += [f"{where}: {what}" for what in _shell(page, block)]
            elif block.kind not in SHOWN:
                page.wrong.append(f"{where}: a block of {block.kind} is neither run nor marked")
    finally:
        del sys.modules["page"]
    return page


def _python(console: _Console, block: Block) -> Iterator[str]:
    console.problem, printed = None, io.StringIO()
    with contextlib.redirect_stdout(printed):
        console.runsource(block.body, f"page.md:{block.line}", "exec")
    got, problem = printed.getvalue(), console.problem
    if block.mark == "raises":
        if problem is None or type(problem).__name__ != block.word:
            yield f"{block.word} was to be raised, and not {problem!r}"
        got += str(problem)
    elif problem is not None:
        line = next(iter(_lines(problem)), 0)
        yield f"line {line} of the block: {type(problem).__name__}: {problem}"
        return
    if block.output is not None and (what := differs(block.output, got)):
        yield what


def _lines(problem: BaseException) -> Iterator[int]:
    trace = problem.__traceback__
    while trace:
        if trace.tb_frame.f_code.co_filename.startswith("page.md"):
            yield trace.tb_lineno
        trace = trace.tb_next


def _shell(page: Page, block: Block) -> Iterator[str]:
    every = list(commands(block.body))
    for i, (words, expected) in enumerate(every):
        page.commands += 1
        if not words or words[0] != "spikesim":
            yield f"{words}: only spikesim's commands are run; mark what is not"
            continue
        last = i == len(every) - 1
        wanted = int(block.word) if block.mark == "status" and last else 0
        status, out, err = run_command(words)
        if status != wanted:
            yield f"{shlex.join(words)}: status {status}\n{out}{err}"
        elif expected.strip() and (what := differs(expected, out + (err if wanted else ""))):
            yield f"{shlex.join(words)}: {what}"
