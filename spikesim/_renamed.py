"""Module and attribute names of version 0.1.0: they work for one release, with a DeprecationWarning.

`import spikesim.state` finds `spikesim.recording.state`, and `spikesim.Watch` is `spikesim.Monitor`.
"""

from __future__ import annotations

import importlib
import importlib.util
import sys
import warnings
from collections.abc import Mapping, Sequence
from importlib.abc import Loader, MetaPathFinder
from importlib.machinery import ModuleSpec
from types import ModuleType
from typing import Any

MODULES: Mapping[str, str] = {
    "spikesim._files": "spikesim.files.atomic",
    "spikesim.backends.brian2_neurons": "spikesim.neurons.brian2_lif",
    "spikesim.backends.from_brian2": "spikesim.backends.brian2.importer",
    "spikesim.checkpoint": "spikesim.files.checkpoint",
    "spikesim.comparing": "spikesim.verification.compare",
    "spikesim.connect": "spikesim.synapses.connect",
    "spikesim.declaration": "spikesim.network.declaration",
    "spikesim.drawing": "spikesim.plotting.network_diagram",
    "spikesim.evaluation": "spikesim.training.evaluate",
    "spikesim.hopfield.mstdp_training": "spikesim.hopfield.mstdp.training",
    "spikesim.hopfield.astdp_training": "spikesim.hopfield.astdp.training",
    "spikesim.hopfield.astdp_network": "spikesim.hopfield.astdp.network",
    "spikesim.learning.gupta": "spikesim.rates.gupta_rule",
    "spikesim.network_file": "spikesim.network.file",
    "spikesim.programs": "spikesim.verification.registry",
    "spikesim.provenance": "spikesim.files.provenance",
    "spikesim.recording_file": "spikesim.recording.file",
    "spikesim.run": "spikesim.training.run",
    "spikesim.runfolder": "spikesim.training.run_folder",
    "spikesim.settings": "spikesim.training.config",
    "spikesim.state": "spikesim.recording.state",
    "spikesim.synapses.drives": "spikesim.neurons.external_inputs",
    "spikesim.tables": "spikesim.files.measured_table",
    "spikesim.timing": "spikesim.network.scheduling",
    "spikesim.watch": "spikesim.recording.monitor",
}
ATTRIBUTES: Mapping[str, Mapping[str, str]] = {  # of the old modules
    "spikesim.hopfield.astdp_training": {"Progress": "AstdpProgress"},
    "spikesim.hopfield.mstdp_training": {"Training": "MstdpTraining"},
    "spikesim.settings": {"Standing": "TrainingProgress"},
    "spikesim.watch": {"Watch": "Monitor"},
}
NAMES: Mapping[str, str] = {"Watch": "Monitor"}  # of the package `spikesim`


def renamed_name(name: str) -> str | None:
    """The present name of a public name of version 0.1.0, after a warning; None for no such name."""
    if name not in NAMES:
        return None
    warnings.warn(
        f"spikesim.{name} is now spikesim.{NAMES[name]}; the old name goes with the next release",
        DeprecationWarning,
        stacklevel=3,
    )
    return NAMES[name]


def renamed_attribute(owner: str, old: str, new: str) -> property:
    """A read-only attribute under its old name, with a warning."""

    def get(self: object) -> Any:
        warnings.warn(
            f"{owner}.{old} is now {owner}.{new}; the old name goes with the next release",
            DeprecationWarning,
            stacklevel=2,
        )
        return getattr(self, new)

    return property(get, doc=f"Deprecated name of `{new}`.")


class _Renamed(MetaPathFinder, Loader):
    """Finds a module under its old name: it is the module of the new name."""

    def find_spec(
        self, fullname: str, path: Sequence[str] | None = None, target: ModuleType | None = None
    ) -> ModuleSpec | None:
        return importlib.util.spec_from_loader(fullname, self) if fullname in MODULES else None

    def create_module(self, spec: ModuleSpec) -> ModuleType:
        new = MODULES[spec.name]
        warnings.warn(
            f"{spec.name} is now {new}; the old name goes with the next release",
            DeprecationWarning,
            stacklevel=2,
        )
        module = importlib.import_module(new)
        for old_name, new_name in ATTRIBUTES.get(spec.name, {}).items():
            setattr(module, old_name, getattr(module, new_name))
        self._spec = module.__spec__  # the import system sets that of the old name
        return module

    def exec_module(self, module: ModuleType) -> None:
        module.__spec__ = self._spec


def install() -> None:
    """Let imports find modules under their old names; called once, by `spikesim`."""
    if not any(isinstance(finder, _Renamed) for finder in sys.meta_path):
        sys.meta_path.append(_Renamed())
