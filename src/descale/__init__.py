"""descale: corrosion-segmentation networks made small enough for the edge.

From photos to a bundle for a device, each step a function; what one returns, the next one takes::

    model = descale.train("photos", "runs/dense")
    small = descale.prune(model, "photos", "runs/small", sparsity=0.9)
    bundle = descale.export(small, "small.zip")
    report = descale.predict(bundle.path, "new-photos", "results")

Each is imported when it is first used; ``predict`` and ``Segmenter`` need no torch.
"""

TYPE_CHECKING = False  # true for type checkers; the module typing would be half of the time that this takes

if TYPE_CHECKING:
    from descale.compression.run import compress
    from descale.data.check.run import check_dataset as check
    from descale.data.source import load_dataset
    from descale.deploy.export.run import export
    from descale.evaluation.model_scores import evaluate
    from descale.prediction.predict import predict
    from descale.runtime.segmenter import Segmenter
    from descale.training.runs import prune, train

    __version__: str

__all__ = [
    "Segmenter", "check", "compress", "evaluate", "export", "load_dataset", "predict", "prune", "train",
]  # fmt: skip

_PLACES = {
    "Segmenter": "runtime.segmenter:Segmenter",
    "check": "data.check.run:check_dataset",
    "compress": "compression.run:compress",
    "evaluate": "evaluation.model_scores:evaluate",
    "export": "deploy.export.run:export",
    "load_dataset": "data.source:load_dataset",
    "predict": "prediction.predict:predict",
    "prune": "training.runs:prune",
    "train": "training.runs:train",
}


if not TYPE_CHECKING:  # which would take any name for a member

    def __getattr__(name: str) -> object:
        from importlib import import_module

        if name == "__version__":
            value: object = _installed_version()
        elif name in _PLACES:
            module, _, member = _PLACES[name].partition(":")
            value = getattr(import_module(f"descale.{module}"), member)
        else:
            raise AttributeError(f"module 'descale' has no attribute '{name}'")
        globals()[name] = value
        return value


def __dir__() -> list[str]:
    return sorted({*globals(), *__all__, "__version__"})


def _installed_version() -> str:
    from importlib.metadata import PackageNotFoundError, version

    try:
        return version("descale")
    except PackageNotFoundError:  # running from a source tree that was never installed
        return "0+unknown"
