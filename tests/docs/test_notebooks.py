"""The notebooks of the documentation are those of its pages, and run."""

from __future__ import annotations

from pathlib import Path

import pytest
from doc_notebooks import FOLDER, NAMES, notebook


@pytest.mark.parametrize("name", NAMES)
def test_a_notebook_is_that_of_its_page(name: str) -> None:
    stored = (FOLDER / f"{name}.ipynb").read_text("utf-8")
    assert stored == notebook(name), "run: python tests/doc_notebooks.py"
    assert stored.count('"cell_type": "code"') >= 4


def test_nothing_else_lies_there() -> None:
    assert {path.stem for path in FOLDER.iterdir()} == set(NAMES)


@pytest.mark.slow
@pytest.mark.filterwarnings("ignore::DeprecationWarning")
@pytest.mark.parametrize("name", NAMES)
def test_a_notebook_runs(name: str, tmp_path: Path) -> None:
    nbclient = pytest.importorskip("nbclient", reason="needs the extra dev")
    nbformat = pytest.importorskip("nbformat", reason="needs the extra dev")
    read = nbformat.read(FOLDER / f"{name}.ipynb", as_version=4)
    nbformat.validate(read)
    client = nbclient.NotebookClient(
        read, timeout=300, kernel_name="python3", resources={"metadata": {"path": tmp_path}}
    )
    client.execute()
    printed = [
        out["text"]
        for cell in read.cells
        for out in cell.get("outputs", ())
        if out["output_type"] == "stream"
    ]
    assert "".join(printed).strip()
