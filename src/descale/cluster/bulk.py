"""Predict on a bucket of photos with Ray Data: ``descale predict BUNDLE s3://bucket/photos --ray ...``.

Each actor of the cluster loads the bundle once, takes a few photos at a time, predicts in a scratch
folder and copies the outputs to the target, each photo's record last. Photos with a record are not
predicted again. Ray and fsspec are imported only here; torch is not needed.
"""

from __future__ import annotations

import dataclasses
import json
import logging
import tempfile
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path, PurePosixPath
from typing import Any

import numpy as np

from descale.base.errors import ConfigError, DataError
from descale.base.photo import PHOTO_SUFFIXES, is_hidden
from descale.prediction.batch import BatchReport, PredictSettings, describe_run, predict_photos
from descale.prediction.inputs import Input
from descale.prediction.kinds import count_kinds, kind_by_name, why_not_read, without_copies
from descale.prediction.page.write import PAGE_HEAD, require_made_here
from descale.prediction.results_folder import (
    PAGE_FILE,
    RECORDS,
    RUN,
    folders_of_results,
    in_results,
    require_not_written_over,
)
from descale.prediction.sources import iterate_sources, output_names
from descale.prediction.summary import PhotoResult
from descale.runtime.segmenter import Segmenter

logger = logging.getLogger(__name__)

BATCH = 8  # photos an actor takes at a time: each batch pays for its transfers once


@dataclass(frozen=True)
class Work:
    """What every actor needs to know.

    Attributes:
        bundle: path that every machine sees.
        photos, out: fsspec URLs or paths that every machine reaches.
        threads: for inference, per actor.
    """

    bundle: Path
    photos: str
    out: str
    settings: PredictSettings
    engine: str = "auto"
    threads: int = 1
    tile: int | None = None


class Predictor:
    """One actor: a loaded bundle."""

    def __init__(self, work: Work) -> None:
        self._work = work
        self._segmenter = Segmenter.from_bundle(
            work.bundle, work.engine, threads=work.threads, tile=work.tile
        )

    def __call__(self, batch: dict[str, Any]) -> dict[str, Any]:
        """Photos by path and output name in, one JSON text per photo out."""
        rows = [
            self._predict(str(path), str(name))
            for path, name in zip(batch["path"], batch["name"], strict=True)
        ]
        return {"row": np.array([json.dumps(row) for row in rows], dtype=object)}

    def _predict(self, path: str, name: str) -> dict[str, Any]:
        files, root = _open(self._work.photos)
        with tempfile.TemporaryDirectory() as scratch:
            photo = Path(scratch) / "in" / (name + PurePosixPath(path).suffix)
            photo.parent.mkdir(parents=True)
            out = Path(scratch) / "out"
            try:
                files.get_file(f"{root}/{path}", str(photo))
            except OSError as error:
                return {"photo": path, "skipped": f"{path}: cannot be fetched ({error})"}
            sources = iterate_sources([Input(photo, Path(scratch) / "in")], 1)
            report = predict_photos(self._segmenter, sources, out, self._work.settings)
            if report.skipped:
                return {"photo": path, "skipped": report.skipped[0][1].replace(str(photo), path)}
            result = dataclasses.replace(report.results[0], photo=path).to_json()
            self._upload(out, name, result)
        return {"photo": path, "result": result}

    def _upload(self, out: Path, name: str, result: dict[str, Any]) -> None:
        files, root = _open(self._work.out)
        for path in sorted(out.rglob("*")):
            target = path.relative_to(out).as_posix()
            if path.is_file() and not target.startswith(RECORDS):
                files.makedirs(f"{root}/{target}".rpartition("/")[0], exist_ok=True)
                files.put_file(str(path), f"{root}/{target}")
        record = f"{root}/{RECORDS}/{name}.json"
        files.makedirs(record.rpartition("/")[0], exist_ok=True)
        files.pipe_file(record, json.dumps(result).encode())


def predict_on_ray(
    work: Work, *, address: str, on_photo: Callable[[int, int], None] | None = None
) -> BatchReport:
    """Predict on every photo below ``work.photos`` that has no record below ``work.out`` yet.

    Args:
        address: as for :func:`descale.cluster.ray_cluster.run_on_ray`.
        on_photo: called with the number of photos done and the number of all.

    Returns:
        Results in the order of the photos' names, and what was skipped and why.

    Raises:
        DataError: there is no photo.
        ConfigError: the target holds results of another bundle or other settings.
        StudyError: Ray or fsspec is missing, or no cluster answers.
    """
    from descale.cluster.ray_cluster import connect

    photos, unread = _list_photos(work.photos, work.out)
    names = _names(photos)
    segmenter = Segmenter.from_bundle(work.bundle, work.engine, threads=work.threads, tile=work.tile)
    _claim_target(work, json.loads(json.dumps(describe_run(segmenter, work.settings))))
    results = {} if work.settings.overwrite else dict(_records(work.out, names))
    reused = len(results)
    left = [{"path": path, "name": name} for path, name in names.items() if path not in results]
    skipped: dict[str, str] = {}
    if left:
        ray = connect(address)
        for row in _rows(ray, left, work):
            if "result" in row:
                results[row["photo"]] = PhotoResult.from_json(row["result"])
            else:
                logger.warning("skipped %s", row["skipped"])
                skipped[row["photo"]] = row["skipped"]
            if on_photo:
                on_photo(len(results) + len(skipped), len(names))
        if address == "local":
            ray.shutdown()
    return BatchReport(
        tuple(results[path] for path in names if path in results), (*skipped.items(), *unread), reused
    )


def recorded_run(out: str) -> dict[str, Any]:
    """What determined the results below ``out``, as noted when they were begun."""
    files, root = _open(out)
    run: dict[str, Any] = json.loads(files.cat_file(f"{root}/{RUN}"))
    return run


def require_own_page_at(out: str) -> None:
    """Refuse to write over a page of something else at the target.

    Raises:
        ConfigError: there is one.
    """
    files, root = _open(out)
    path = f"{root}/{PAGE_FILE}"
    if files.exists(path):
        require_made_here(files.cat_file(path, end=PAGE_HEAD), f"{out}/{PAGE_FILE}")


def put_table(table: Path, out: str) -> None:
    """Copy a finished table to the results."""
    files, root = _open(out)
    files.put_file(str(table), f"{root}/{table.name}")


def _rows(ray: Any, left: Sequence[dict[str, str]], work: Work) -> Iterator[dict[str, Any]]:
    import ray.data as ray_data

    cpus = int(ray.cluster_resources().get("CPU", 1))
    largest = max((int(node["Resources"].get("CPU", 0)) for node in ray.nodes() if node["Alive"]), default=1)
    if work.threads > largest:
        raise ConfigError(
            f"--threads {work.threads}: the largest machine of the cluster has {largest} CPUs. Give at most "
            "as many."
        )
    actors = max(1, min(cpus // work.threads, -(-len(left) // BATCH)))
    photos = ray_data.from_items(list(left), override_num_blocks=max(1, -(-len(left) // BATCH)))
    predicted = photos.map_batches(
        Predictor,
        fn_constructor_args=(work,),
        batch_size=BATCH,
        batch_format="numpy",
        concurrency=(1, actors),
        num_cpus=work.threads,
    )
    for row in predicted.iter_rows():
        yield json.loads(row["row"])


def _open(url: str) -> tuple[Any, str]:
    from descale.base.errors import StudyError

    try:
        import fsspec
    except ModuleNotFoundError:
        raise StudyError("--ray needs fsspec. Install it with: pip install 'descale[ray]'") from None
    try:
        files, path = fsspec.core.url_to_fs(url)
    except (ImportError, ValueError) as error:
        raise StudyError(f"{url}: {error}. Install the package for it (s3fs, gcsfs, ...).") from error
    return files, str(path).rstrip("/")


def _list_photos(url: str, out: str) -> tuple[list[str], list[tuple[str, str]]]:
    """Photos below ``url``, and (photo, reason) of pictures that are not read; results are left out."""
    files, root = _open(url)
    _, results = _open(out)
    if f"{root}/".startswith(f"{results}/"):
        raise DataError(f"{url}: --out {out} holds the photos; give another folder.")
    below = [
        PurePosixPath(str(path)[len(root) + 1 :])
        for path in sorted(map(str, files.find(root)))
        if not path.startswith(f"{results}/")
    ]
    below = [path for path in below if not is_hidden(path)]
    holders = folders_of_results(below)
    pictures = [path for path in below if not in_results(path, holders.__contains__)]
    photos = [path for path in pictures if kind_by_name(path) == "photo"]
    unread = without_copies([path for path in pictures if kind_by_name(path) == "unread"], photos)
    films = [path for path in pictures if kind_by_name(path) == "film"]
    left = [(str(path), why_not_read(path)) for path in unread]
    left += [(str(path), f"{path}: films are not read with --ray. Fetch it first.") for path in films]
    if not photos:
        kinds = f" Other kinds are not read ({count_kinds(unread + films)})." if left else ""
        raise DataError(
            f"{url}: no photo here ({', '.join(sorted(PHOTO_SUFFIXES))}).{kinds} Check the address."
        )
    if len(pictures) < len(below):
        logger.info(
            "%s: %d files are results of an earlier run and are left out", url, len(below) - len(pictures)
        )
    if left:
        logger.warning(
            "%d files in %s are of no kind that is read here (%s) and count as skipped",
            len(left), url, count_kinds(unread + films),
        )  # fmt: skip
    return [str(path) for path in photos], left


def _names(paths: Sequence[str]) -> dict[str, str]:
    root = Path("root")
    return dict(zip(paths, output_names([Input(root / path, root) for path in paths]), strict=True))


def _claim_target(work: Work, run: dict[str, Any]) -> None:
    """One target holds the results of one bundle with one set of settings, or a table would mix them."""
    files, root = _open(work.out)
    files.makedirs(root, exist_ok=True)
    path = f"{root}/{RUN}"
    if not files.exists(path):
        below = (PurePosixPath(str(name)[len(root) + 1 :]) for name in files.find(root))
        require_not_written_over(below, work.out)
    elif json.loads(files.cat_file(path)) != run:
        if not work.settings.overwrite:
            raise ConfigError(
                f"{work.out} holds results of another bundle or other settings. Choose another --out, "
                "or --overwrite."
            )
        if files.exists(f"{root}/{RECORDS}"):  # which a continuation would take for its own
            files.rm(f"{root}/{RECORDS}", recursive=True)
    files.pipe_file(path, json.dumps(run, indent=2).encode())


def _records(out: str, names: dict[str, str]) -> Iterator[tuple[str, PhotoResult]]:
    files, root = _open(out)
    present = {str(path) for path in files.find(f"{root}/{RECORDS}")}
    for path, name in names.items():
        record = f"{root}/{RECORDS}/{name}.json"
        if record not in present:
            continue
        result = PhotoResult.from_json(json.loads(files.cat_file(record)))
        if result.photo == path:  # else another photo had the name
            yield path, result
