"""The sections of a run's page: what was trained, what it learned, what it costs, what was proved."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from html import escape
from pathlib import Path

import numpy as np

from spikesim.datasets.dataset import Dataset
from spikesim.errors import SpikesimError
from spikesim.hardware.energy import DAVIES_2018, work
from spikesim.hardware.quantise import quantise
from spikesim.hardware.quantise_report import Quantised
from spikesim.models.emstdp.experiment import Experiment
from spikesim.network.scheduling import is_source
from spikesim.plotting.curves import Curve, Panel, panels
from spikesim.plotting.style import picture
from spikesim.rng import Stream
from spikesim.spikes import Spikes
from spikesim.tools.pictures import draw_run
from spikesim.tools.report_page import Section, flattened, image, table
from spikesim.training.evaluate import Evaluation, run_chunks, trial_steps
from spikesim.training.run import Run
from spikesim.verification.verify import verify

PROGRAMS = ("windowed", "stepped")
TRIALS = 10  # that are verified
WRONG = 12  # misread samples that are shown
SILENT = 200  # samples over which a neuron that never fires counts as silent


@dataclass(frozen=True)
class Reported:
    """A run and what its page needs.

    Attributes:
        name: its folder's name.
        run, experiment, dataset: the run and its data.
        found: its evaluation.
        folder: of temporary pictures.
    """

    name: str
    run: Run
    experiment: Experiment
    dataset: Dataset
    found: Evaluation
    folder: Path


def sections(runs: Sequence[Reported], samples: int, bits: int) -> list[Section]:
    """All sections of the page.

    Args:
        runs: one, or several side by side.
        samples: test samples for costs and for the verification.
        bits: of a weight on the chip.
    """
    drawn = [draw_run(r.run, r.dataset, r.found, lambda _: None, r.folder) for r in runs]
    pictures = [{Path(path).stem: Path(path) for path in paths} for paths in drawn]

    def pictured(name: str, alt: str) -> list[str]:
        return [image(found[name], alt) if name in found else "" for found in pictures]

    before, after = pictured("raster_before", "before learning"), pictured("raster_after", "after learning")
    matrices = pictured("confusion", "confusion matrix")
    return [
        Section("Result", [_result(r) for r in runs]),
        Section("Network", pictured("network", "the network")),
        Section("Learning curve", pictured("learning_curve", "accuracy over training")),
        Section(
            "Activity",
            [_activity(r) for r in runs],
            f"Spikes a trial in training, and neurons that never fire in {SILENT} test samples.",
        ),
        Section("Confusion", [a + _misread(r) for r, a in zip(runs, matrices, strict=True)]),
        Section(
            "One trial",
            [a + b for a, b in zip(before, after, strict=True)],
            "All spikes of one sample with its target; the line marks the begin of the error phase.",
        ),
        Section("Weights", pictured("weights", "weights into the first layer")),
        Section(
            "Spikes, operations and energy",
            [_cost(r, samples, bits) for r in runs],
            f"Inference at {bits} bits, means of {samples} test samples. Energy and time are modelled: "
            f"{DAVIES_2018.source}; without idle power, input and output.",
        ),
        Section(
            "Quantisation",
            [_quantised(r, samples, bits) for r in runs],
            f"For Loihi 1 at {bits} bits; accuracies on {samples} test samples.",
        ),
        Section(
            "Verification",
            [_verified(r, min(samples, TRIALS)) for r in runs],
            "Every spike, membrane and weight, also while the network learns.",
        ),
        Section(
            "Configuration",
            [_configuration(runs)],
            "Lines in which the runs differ are marked." if len(runs) > 1 else "",
        ),
        Section("Provenance", [_provenance(runs)]),
    ]


def _result(r: Reported) -> str:
    epochs = f"{len(r.run.metrics)} of {r.run.training.epochs}"
    sizes = f"{len(r.dataset.train):,} training and {len(r.dataset.test):,} test samples"
    trained = {name: w.size for name, w in r.run.masters.items()}
    return table(
        ("", ""),
        [
            ("experiment", r.experiment.title),
            ("data", f"{r.dataset.name}, {sizes}"),
            (f"accuracy ({r.found.split})", f"{100 * r.found.accuracy:.2f} %"),
            ("epochs", epochs),
            ("finished", r.run.finished),
            ("trained weights", ", ".join(f"{name} {size:,}" for name, size in trained.items())),
            ("sha256 of the weights", r.run.weights_sha256),
        ],
    )


def _activity(r: Reported) -> str:
    epochs = [record["epoch"] for record in r.run.metrics]
    network = r.run.network
    names = [name for name in network.order if not is_source(network.populations[name])]
    curves = [
        Curve(name, epochs, [record["spikes"][name] for record in r.run.metrics], k)
        for k, name in enumerate(names)
    ]
    drawn = ""
    if epochs:
        path = r.folder / "activity.png"
        panels([[Panel("activity", "epoch", "spikes per trial", curves)]], path)
        drawn = image(path, "spikes per trial and population over training")
    split = r.dataset.test.take(SILENT)
    chunks = run_chunks(
        r.run.network, split.x, split.index, r.run.encoder, r.run.training.seed, r.run.masters
    )
    parts: dict[str, list[np.ndarray]] = {}
    for _, found in chunks:
        for name, h in found.counts.items():
            parts.setdefault(name, []).append(np.abs(h).sum(axis=1))
    counts = {name: np.concatenate(h) for name, h in parts.items()}
    return drawn + table(
        ("population", "neurons", "silent", "spikes a trial"),
        [
            (name, h.shape[1], int((h.sum(axis=0) == 0).sum()), float(h.sum(axis=1).mean()))
            for name, h in counts.items()
        ],
    )


def _misread(r: Reported) -> str:
    """The first misread samples as pictures, with their class and the one that was read."""
    shape, split = r.dataset.shape, r.dataset.split(r.found.split)
    wrong = np.flatnonzero(r.found.predictions != r.found.labels)[:WRONG]
    if len(shape) < 2 or not len(wrong) or isinstance(split.x, Spikes):
        return ""
    path, columns = r.folder / "misread.png", 6
    rows = -(-len(wrong) // columns)
    with picture(path, (1.3 * columns, 1.55 * rows)) as figure:
        for k, axes in enumerate(np.ravel(figure.subplots(rows, columns, squeeze=False))):
            axes.set_axis_off()
            if k < len(wrong):
                sample = wrong[k]
                axes.imshow(split.x[sample].reshape(-1, shape[-1]), cmap="gray_r", vmin=0, vmax=1)
                read = (r.found.labels[sample], r.found.predictions[sample])
                axes.set_title(" read as ".join(_class(r, int(c)) for c in read), fontsize=8)
    return image(path, f"the first {len(wrong)} misread samples")


def _class(r: Reported, number: int) -> str:
    return r.dataset.classes[number] if number < len(r.dataset.classes) else str(number)


def _cost(r: Reported, samples: int, bits: int) -> str:
    split = r.dataset.test.take(samples)
    try:
        chip = quantise(r.run.trained(), "loihi1", bits, T=trial_steps(split, None)).network
        spikes = r.run.encoder.encode(
            split.x, split.index, chip.window.T, r.run.training.seed, 0, Stream.TEST
        )
        counted = work(chip, {chip.sources[0]: spikes})
    except SpikesimError as problem:
        return f"<p>{escape(str(problem))}</p>"
    least, most = counted.time()
    rows: list[tuple[object, ...]] = [
        (x.name, x.neurons, x.cores, x.spikes, x.synapses, x.energy(), x.time()) for x in counted.layers
    ]
    rows.append(
        (
            "all",
            None,
            sum(x.cores for x in counted.layers),
            None,
            None,
            counted.energy(),
            f"{least:.0f} to {most:.0f}",
        )
    )
    columns = ("layer", "neurons", "cores", "spikes", "synaptic operations", "energy (nJ)", "time (us)")
    return table(columns, rows)


def _quantised(r: Reported, samples: int, bits: int) -> str:
    split = r.dataset.test.take(samples)
    try:
        found = quantise(
            r.run.trained(), "loihi1", bits, T=trial_steps(split, None), split=split, encoder=r.run.encoder,
            seed=r.run.training.seed,
        )  # fmt: skip
    except SpikesimError as problem:
        return f"<p>{escape(str(problem))}</p>"
    assert found.before is not None and found.after is not None
    said = f"<p>Accuracy {100 * found.before:.2f} % before, {100 * found.after:.2f} % after.</p>"
    return said + table(Quantised.COLUMNS, found.rows())


def _verified(r: Reported, samples: int) -> str:
    """The verdicts of the engines, with learning where the network learns."""
    network, split = r.run.trained(), r.dataset.test.take(samples)
    source = network.sources[0]
    T = network.window.boundary if network.populations[source].replay else network.window.T
    spikes = {source: r.run.encoder.encode(split.x, split.index, T, r.run.training.seed)}
    lines = []
    for program in PROGRAMS:
        try:
            lines.append(str(verify(network, spikes, split.y, program, "naive", learn=True)))
        except SpikesimError as problem:
            lines.append(f"{program}: {problem}")
    return "".join(f"<p>{escape(line)}</p>" for line in lines)


def _configuration(runs: Sequence[Reported]) -> str:
    records = [flattened({"experiment": r.experiment.describe(), "training": r.run.training}) for r in runs]
    keys = list(dict.fromkeys(key for record in records for key in record))
    rows = [(key, *(record.get(key, "") for record in records)) for key in keys]
    differing = [k for k, row in enumerate(rows) if len(set(row[1:])) > 1]
    return table(("setting", *(r.name for r in runs)), rows, differing)


def _provenance(runs: Sequence[Reported]) -> str:
    records = [flattened(r.run.folder.config.get("provenance", {})) for r in runs if r.run.folder is not None]
    keys = list(dict.fromkeys(key for record in records for key in record))
    rows = [(key, *(record.get(key, "") for record in records)) for key in keys]
    return table(("", *(r.name for r in runs)), rows)
