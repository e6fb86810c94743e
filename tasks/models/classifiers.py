"""Classifiers: trained on a recipe's sources, or given as a folder or a fastText file."""

from __future__ import annotations

import hashlib
from typing import TYPE_CHECKING, Any, Final

from schemas.errors import ConfigError
from schemas.models import ScoreModel
from tasks import ngrams, storage
from tasks.classifier import documents, noisy_student, training
from tasks.classifier import model as linear
from tasks.models import files
from tasks.models.files import Made
from tasks.models.reading import Part, Reader, part
from tasks.signals import lid

if TYPE_CHECKING:
    from schemas.config import Source
    from schemas.quality import ClassifierConfig
    from tasks.classifier.documents import Documents
    from tasks.classifier.model import Linear

VERSION: Final = "classifier-1"
FASTTEXT: Final = (".bin", ".ftz")
MODEL_BYTES: Final = 40
"""Memory of a bucket of the model while it is trained. Measured, with its digest: 31."""
POSITIVE, NEGATIVE, POOL = "positive", "negative", "pool"


def where(config: ClassifierConfig) -> str:
    """Return what errors call it."""
    return f"signals.classifiers {config.name!r}"


def texts(config: ClassifierConfig) -> list[tuple[str, tuple[Source, ...]]]:
    """Return the sources that it is trained on, by their part."""
    found = [(POSITIVE, config.positive), (NEGATIVE, config.negative)]
    student = config.noisy_student
    return found if student is None else [*found, (POOL, student.pool)]


def parts(config: ClassifierConfig) -> list[Part]:
    """List the files that it is trained on. Raises :class:`ConfigError` where there is none."""
    return [part(sources, where(config), name) for name, sources in texts(config)]


def key(config: ClassifierConfig, listed: list[Part], seed: int) -> list[object]:
    """Return what a trained one depends on."""
    student = config.noisy_student and config.noisy_student.model_copy(update={"pool": ()})
    update = {
        "name": "",
        "languages": (),
        "positive": (),
        "negative": (),
        "noisy_student": student,
    }
    settings = config.model_copy(update=update)
    versions = [VERSION, linear.VERSION, ngrams.VERSION]
    return [versions, settings, [(p.name, p.keys()) for p in listed], seed]


def train(
    config: ClassifierConfig, listed: list[Part], seed: int, memory_bytes: int, out: str
) -> Made:
    """Return the model, what was read, and what held-out documents say of it.

    Raises :class:`ConfigError` for a class of too few documents, and where their n-grams take more
    than ``memory_bytes``.
    """
    reader = Reader(out)
    counted = _counted(config, listed, reader, memory_bytes)
    try:
        model, told = _learned(config, counted, seed)
    except ConfigError as error:
        raise error.at(f"{where(config)}: {error.where}") from error
    return Made(model.settings(), model.arrays(), model.digest, reader.read, told)


def _learned(
    config: ClassifierConfig, counted: dict[str, Documents], seed: int
) -> tuple[Linear, dict[str, Any]]:
    """Train as the recipe says; return what is told of the model, too."""
    settings = training.Settings(
        width=config.n_words,
        bits=config.bits,
        seed=seed,
        least_documents=config.least_documents,
    )
    if config.penalty is not None:
        settings = settings._replace(penalties=(config.penalty,))
    classes, asked = (counted[POSITIVE], counted[NEGATIVE]), config.noisy_student
    if asked is None:
        found = training.train(*classes, settings=settings)
        return found.model, plain(found.report)
    noise = noisy_student.Noise(
        confident=asked.confident,
        dropout=asked.dropout,
        positive_share=asked.positive_share,
        most_rounds=asked.rounds,
    )
    student = noisy_student.improve(*classes, pool=counted[POOL], settings=settings, noise=noise)
    rounds = [plain(one) for one in student.rounds]
    more = {"rounds": rounds, "best": student.best, "pool": student.pool}
    return student.model, plain(student.report) | more


def plain(value: Any) -> Any:  # noqa: ANN401  (named tuples of figures, as a manifest has them)
    """Return named tuples as mappings."""
    if hasattr(value, "_asdict"):
        return {name: plain(part) for name, part in value._asdict().items()}
    return [plain(part) for part in value] if isinstance(value, tuple | list) else value


def _counted(
    config: ClassifierConfig, listed: list[Part], reader: Reader, memory_bytes: int
) -> dict[str, Documents]:
    found, size = {}, MODEL_BYTES << config.bits
    for one in listed:
        some = []
        for texts, _ in reader.texts(one):
            some.append(documents.of(texts, width=config.n_words, buckets=1 << config.bits))
            size += _memory(some[-1])
            if size + reader.n_bytes > memory_bytes:
                raise _too_much(config, size, memory_bytes)
        found[one.name] = documents.joined(some)
    return found


def _memory(some: Documents) -> int:
    """Return the bytes that documents take while a model is trained."""
    return len(some.counts.buckets) * documents.BUCKET_BYTES + some.size * documents.DOCUMENT_BYTES


def _too_much(config: ClassifierConfig, size: int, memory_bytes: int) -> ConfigError:
    return ConfigError(
        where(config),
        got=f"a model and text whose n-grams take {size / 1e9:.1f} GB so far",
        wanted=f"what fits into {memory_bytes / 1e9:.1f} GB (--memory-limit)",
        way_out="Read less of its sources (sample = { documents = 20_000 }): more teaches it "
        "little. Or lower bits, or raise --memory-limit.",
    )


def given(config: ClassifierConfig) -> ScoreModel:
    """Return a model that exists, as it is told of. Raises :class:`ConfigError` where it is none.

    A fastText file is what the recipe says until it is loaded.
    """
    place = str(config.path)
    if not place.endswith(FASTTEXT):
        return files.given("classifier", config, where(config))
    return ScoreModel(
        name=config.name,
        kind="fasttext",
        languages=config.languages,
        label=config.label,
        digest=str(config.sha256),
        place=place,
        trained=False,
    )


def fasttext(place: str, sha256: str, label: str, where: str) -> lid.Model:
    """Read a fastText classifier that has to have a digest and a label."""
    try:
        content = storage.read_bytes(place)
    except OSError as error:
        raise ConfigError(
            where, got=f"{place}: {error.strerror}", wanted="a fastText classifier",
            way_out="Correct its path.",
        ) from error  # fmt: skip
    digest = hashlib.sha256(content).hexdigest()
    if digest != sha256:
        raise ConfigError(
            where,
            got=f"{place}, {len(content):,} bytes with sha256 {digest}",
            wanted=f"sha256 {sha256}",
            way_out="Take an intact copy, or correct sha256.",
        )
    model = lid.read_model(content, place)
    if label not in model.labels:
        raise ConfigError(
            f"{where} label",
            got=f"{label!r}",
            wanted=f"one of the model's: {', '.join(model.labels[:20])}",
            way_out="Name the one whose probability is to be the score.",
        )
    return model
