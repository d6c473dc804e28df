"""Kernels of the package for fixed convolutions, trained as a rate network.

    python -m spikesim.tools.dev.pretrain PRESET --images 20000 --epochs 3 --out NAME

The layers and the data are those of the preset. Validation samples take no part. The kernels are written to
models/emstdp/pretrained/NAME.npz, which `kernels = "NAME"` reads.
"""

from __future__ import annotations

import argparse
import io
import sys
from collections.abc import Sequence

import numpy as np

from spikesim.errors import SpikesimError
from spikesim.files.atomic import write_bytes
from spikesim.models.emstdp.kernels import STORED
from spikesim.models.emstdp.presets import preset
from spikesim.models.emstdp.pretrain import accuracy, pretrain


def main(arguments: Sequence[str] | None = None) -> int:
    """Pretrain the kernels of a preset, and write them; returns the exit code."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("preset")
    parser.add_argument("--images", type=int, default=20_000)
    parser.add_argument("--epochs", type=int, default=3)
    parser.add_argument("--seed", type=int, default=1)
    parser.add_argument("--out", required=True)
    given = parser.parse_args(arguments)
    try:
        experiment = preset(given.preset)
        data = experiment.load()
        net = pretrain(experiment.model, data.split("fit"), given.images, given.epochs, given.seed)
        buffer = io.BytesIO()
        kernels = {name: w.astype(np.float32) for name, w in net.kernels().items()}
        np.savez_compressed(buffer, **kernels)
        STORED.mkdir(exist_ok=True)
        write_bytes(STORED / f"{given.out}.npz", buffer.getvalue())
    except SpikesimError as problem:
        print(problem, file=sys.stderr)
        return 1
    print(f"{given.out}: validation accuracy of the rate network {accuracy(net, data.validation):.4f}")
    return 0


if __name__ == "__main__":
    sys.exit(main())
