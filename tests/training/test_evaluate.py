"""Evaluation: counts, independence of chunks and threads, and refusals."""

from __future__ import annotations

import numpy as np
import pytest
from small_runs import config, data, network

from spikesim import engines
from spikesim.datasets import Split, from_arrays
from spikesim.encoders import Poisson
from spikesim.engines import simulate
from spikesim.errors import DataError, DeclarationError, EngineError
from spikesim.network import Network
from spikesim.rng import Stream
from spikesim.spikes import from_raster
from spikesim.training import evaluate as evaluation_module
from spikesim.training.config import Training
from spikesim.training.evaluate import Evaluation, evaluate
from spikesim.training.run import Run
from spikesim.training.train import train

DATA = data()


@pytest.fixture(scope="module")
def run() -> Run:
    """A short training, run at the first use and not at collection."""
    return train(network(), DATA, Poisson(), Training(epochs=2))


def test_chunks_and_threads_never_change_a_prediction(run: Run, monkeypatch: pytest.MonkeyPatch) -> None:
    found = []
    for chunk, threads in ((1000, 1), (1, 1), (7, 2), (1000, 3)):
        monkeypatch.setattr(evaluation_module, "CHUNK", chunk)
        result = run.evaluate(DATA, "train", threads=threads)
        found.append((result.predictions.tolist(), result.spikes))
    assert all(other == found[0] for other in found)
    assert len(set(found[0][0])) > 1


def test_it_is_the_inference_network_on_spikes_of_the_test_stream(run: Run) -> None:
    forward = run.network.inference()
    test = DATA.test
    spikes = Poisson().encode(test.x, test.index, forward.window.T, 1, 0, Stream.TEST)
    trained = run.trained().inference()
    by_hand = simulate(trained, {"in": spikes}, engine="naive")
    found = run.evaluate(DATA)
    assert found.predictions.tolist() == by_hand.predictions.tolist()
    assert found.spikes["out"] == by_hand.counts["out"].sum() / len(test)
    assert set(found.spikes) == {"in", "hid1", "out"}


def test_a_sample_is_classified_alike_whoever_it_comes_with(run: Run) -> None:
    some = DATA.test.select([3, 17, 5])
    alone = evaluate(run.network, some, Poisson(), 1, run.masters)
    assert alone.predictions.tolist() == run.evaluate(DATA).predictions[[3, 17, 5]].tolist()


def test_the_declared_weights_count_where_none_are_given(run: Run) -> None:
    again = evaluate(run.trained(), DATA.test, Poisson(), 1)
    assert again.predictions.tolist() == run.evaluate(DATA).predictions.tolist()
    untrained = evaluate(run.network, DATA.test, Poisson(), 1)
    assert untrained.predictions.tolist() != again.predictions.tolist()


def test_another_T_is_another_presentation(run: Run) -> None:
    short, plain, long = (run.evaluate(DATA, T=T) for T in (1, None, 200))
    assert short.spikes["in"] < plain.spikes["in"] < long.spikes["in"]
    assert plain.spikes == run.evaluate(DATA, T=run.network.window.T).spikes
    assert long.spikes["in"] == pytest.approx(DATA.test.x.sum(axis=1).mean() * 200, rel=0.02)


def test_the_confusion_matrix_counts_every_sample_once(run: Run) -> None:
    found = run.evaluate(DATA)
    matrix = found.confusion()
    assert matrix.sum() == len(DATA.test)
    assert matrix.sum(axis=1).tolist() == np.bincount(DATA.test.y, minlength=3).tolist()
    assert matrix.sum(axis=0).tolist() == np.bincount(found.predictions, minlength=3).tolist()
    assert np.trace(matrix) == round(found.accuracy * len(DATA.test))


def test_rows_are_labels_and_columns_predictions() -> None:
    labels, predictions = np.array([0, 0, 2, 2]), np.array([0, 1, 1, 2])
    found = Evaluation("test", predictions, labels, 4, {})
    assert found.confusion().tolist() == [[1, 1, 0, 0], [0, 0, 0, 0], [0, 1, 1, 0], [0, 0, 0, 0]]
    assert found.accuracy == 0.5


def test_progress_reaches_the_end(run: Run) -> None:
    told: list[tuple[int, int]] = []
    run.evaluate(DATA, progress=lambda done, total: told.append((done, total)))
    assert told[-1] == (len(DATA.test), len(DATA.test))


# refusals


def test_labels_beyond_the_outputs_are_refused(run: Run) -> None:
    four = from_arrays(np.tile(DATA.train.x[:40], (2, 1)), np.arange(80) % 4)
    with pytest.raises(DataError, match=r"labels up to 3, but the network 3 outputs \(0 \.\. 2\)"):
        run.evaluate(four)


def test_a_dataset_or_arrays_in_place_of_a_split_are_named(run: Run) -> None:
    with pytest.raises(
        DataError, match=r"split is of type Dataset; a Split is needed: for example dataset\.test"
    ):
        evaluate(run.network, DATA, Poisson(), 1)  # type: ignore[arg-type]
    with pytest.raises(DeclarationError, match="evaluate: network is of type Run"):
        evaluate(run, DATA.test, Poisson(), 1)  # type: ignore[arg-type]
    with pytest.raises(DeclarationError, match="evaluate: encoder is of type int"):
        evaluate(run.network, DATA.test, 1, 1)  # type: ignore[arg-type]
    with pytest.raises(DataError, match=r"Run\.evaluate: dataset is of type Split"):
        run.evaluate(DATA.test)  # type: ignore[arg-type]


def test_simulate_names_what_is_not_spikes(run: Run) -> None:
    forward = run.network.inference()
    with pytest.raises(
        DataError, match=r"inputs\['in'\] is of type ndarray; Spikes are .*from_raster\(array\)"
    ):
        simulate(forward, {"in": np.zeros((1, 20, 12))})  # type: ignore[dict-item]
    with pytest.raises(DataError, match="inputs is of type Spikes; a mapping from sources to Spikes"):
        simulate(forward, from_raster(np.zeros((1, 20, 12), int)))  # type: ignore[arg-type]
    with pytest.raises(DeclarationError, match="simulate: network is of type Emstdp"):
        simulate(config(), {})  # type: ignore[arg-type]


def test_one_population_to_record_can_be_a_string(run: Run) -> None:
    forward = run.network.inference()
    spikes = {"in": Poisson().encode(DATA.test.x, DATA.test.index, forward.window.T, 1)}
    found, listed = simulate(forward, spikes, record="hid1"), simulate(forward, spikes, record=["hid1"])
    assert list(found.spikes) == ["hid1"]
    assert found.spikes["hid1"] == listed.spikes["hid1"]


def test_the_engines_classify_alike_and_an_unknown_one_is_refused(run: Run) -> None:
    some = DATA.test.take(9)
    found = [evaluate(run.network, some, Poisson(), 1, run.masters, engine=e) for e in engines.ENGINES]
    assert len(found) == 3
    assert all(other.predictions.tolist() == found[0].predictions.tolist() for other in found)
    with pytest.raises(EngineError, match="unknown engine 'fast'"):
        run.evaluate(DATA, engine="fast")


def test_another_number_of_features_is_refused(run: Run) -> None:
    wide = from_arrays(np.zeros((30, 13)), np.arange(30) % 3)
    with pytest.raises(DataError, match="13 inputs per sample, but the network 12"):
        run.evaluate(wide)


def test_an_empty_split_is_refused(run: Run) -> None:
    empty = Split("test", np.zeros((0, 12), np.float32), np.zeros(0, np.int64), np.zeros(0, np.int64))
    with pytest.raises(DataError, match="'test' is empty"):
        evaluate(run.network, empty, Poisson(), 1)


def test_a_network_without_a_readout_does_not_classify(run: Run) -> None:
    forward = run.network.inference()
    mute = Network(forward.populations, forward.projections, forward.window)
    with pytest.raises(DataError, match="one source and a readout"):
        evaluate(mute, DATA.test, Poisson(), 1)


@pytest.mark.parametrize("T", [0, -1, 1.5])
def test_a_T_that_cannot_be_is_refused(run: Run, T: int) -> None:
    with pytest.raises(DeclarationError, match=f"T = {T}"):
        run.evaluate(DATA, T=T)


def test_a_T_beyond_the_exact_range_is_refused(run: Run) -> None:
    with pytest.raises(DeclarationError, match=r"int32 ends at 2\*\*31"):
        run.evaluate(DATA, T=10**9)


def test_an_unknown_split_is_refused(run: Run) -> None:
    with pytest.raises(DataError, match="unknown split 'tset'"):
        run.evaluate(DATA, "tset")


def test_weights_of_another_network_are_refused(run: Run) -> None:
    other = network(sizes=(12, 9, 3)).masters()
    with pytest.raises(DeclarationError, match="weights of another network"):
        evaluate(run.network, DATA.test, Poisson(), 1, other)
    with pytest.raises(DeclarationError, match="weights of another network"):
        evaluate(run.network, DATA.test, Poisson(), 1, {"in->hid1": run.masters["in->hid1"]})


@pytest.mark.parametrize("threads", [0, -2, 1.5])
def test_a_number_of_threads_that_cannot_be_is_refused(run: Run, threads: int) -> None:
    with pytest.raises(EngineError, match=f"threads = {threads}"):
        run.evaluate(DATA, threads=threads)
