"""Runs notebooks, which are stored without outputs, and makes pages of them."""

import tempfile
from pathlib import Path

import nbformat
from nbclient import NotebookClient
from nbconvert import MarkdownExporter
from traitlets.config import Config

SECONDS = 300  # for a cell, on a busy machine


def run(notebook: Path, folder: Path) -> dict[str, str | bytes]:
    """Run a notebook in its own folder.

    Args:
        notebook: The file.
        folder: The folder of its page in the site.

    Returns:
        The page and its pictures, by their paths.

    Raises:
        nbclient.exceptions.CellExecutionError: A cell failed.
    """
    document = nbformat.read(notebook, as_version=4)
    place = {"metadata": {"path": str(notebook.parent)}}
    with tempfile.TemporaryDirectory() as sockets:
        # Sockets in a folder are nobody else's, other than ports.
        local = Config({"KernelManager": {"transport": "ipc", "ip": f"{sockets}/kernel"}})
        NotebookClient(document, timeout=SECONDS, resources=place, config=local).execute()
    names = {"unique_key": notebook.stem, "output_files_dir": f"{notebook.stem}-pictures"}
    text, made = MarkdownExporter().from_notebook_node(document, resources=names)
    pages: dict[str, str | bytes] = {str(folder / f"{notebook.stem}.md"): text}
    return pages | {str(folder / name): content for name, content in made["outputs"].items()}
