"""Classifiers: trained on a recipe's sources, or given as a folder or a fastText file."""

from __future__ import annotations

import hashlib
from typing import TYPE_CHECKING, Any, Final

from schemas.errors import ConfigError
from schemas.models import ScoreModel
from tasks import storage
from tasks.classifier import documents, noisy_student, training
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
    return [VERSION, settings, [(p.name, p.keys()) for p in listed], seed]


def train(
    config: ClassifierConfig, listed: list[Part], seed: int, memory_bytes: int, out: str
) -> Made:
    """Return the model, what was read, and what held-out documents say of it.

    Raises :class:`ConfigError` for a class of too few documents, and where their n-grams take more
    than ``memory_bytes``.
    """
    settings = training.Settings(
        width=config.n_words,
        bits=config.bits,
        penalty=config.penalty,
        seed=seed,
        least_documents=config.least_documents,
    )
    reader = Reader(out)
    counted = _counted(config, listed, reader, memory_bytes)
    positive, negative = counted[POSITIVE], counted[NEGATIVE]
    try:
        if config.noisy_student is None:
            found = training.train(positive, negative, settings=settings)
            return _made(found.model, reader, plain(found.report))
        asked = config.noisy_student
        noise = noisy_student.Noise(
            confident=asked.confident,
            dropout=asked.dropout,
            positive_share=asked.positive_share,
            most_rounds=asked.rounds,
        )
        improved = noisy_student.improve(
            positive, negative, pool=counted[POOL], settings=settings, noise=noise
        )
    except ConfigError as error:
        raise ConfigError(
            f"{where(config)}: {error.where}",
            got=error.got,
            wanted=error.wanted,
            way_out=error.way_out,
        ) from error
    rounds = [plain(one) for one in improved.rounds]
    more = {"rounds": rounds, "best": improved.best, "pool": improved.pool}
    return _made(improved.model, reader, plain(improved.report) | more)


def _made(model: Linear, reader: Reader, told: dict[str, Any]) -> Made:
    return Made(model.settings(), model.arrays(), model.digest, reader.read, told)


def plain(value: Any) -> Any:  # noqa: ANN401  (named tuples of figures, as a manifest has them)
    """Return named tuples as mappings."""
    if hasattr(value, "_asdict"):
        return {name: plain(part) for name, part in value._asdict().items()}
    return [plain(part) for part in value] if isinstance(value, tuple | list) else value


def _counted(
    config: ClassifierConfig, listed: list[Part], reader: Reader, memory_bytes: int
) -> dict[str, Documents]:
    found, size = {}, 0
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
    """Return the bytes that documents take while a model is trained: counts are joined once."""
    return 2 * sum(array.nbytes for array in (*some.counts, some.keys))


def _too_much(config: ClassifierConfig, size: int, memory_bytes: int) -> ConfigError:
    return ConfigError(
        where(config),
        got=f"text whose n-grams take {size / 1e9:.1f} GB so far",
        wanted=f"what fits into {memory_bytes / 1e9:.1f} GB (--memory-limit)",
        way_out="Read less of its sources (sample = { documents = 20_000 }): more teaches it "
        "little. Or raise --memory-limit.",
    )


def given(config: ClassifierConfig) -> ScoreModel:
    """Return a model that exists. Raises :class:`ConfigError` where it is not as it should be."""
    place, own = str(config.path), {"name": config.name, "languages": config.languages}
    if not place.endswith(FASTTEXT):
        told = files.about(place, where(config))
        if told.kind != "classifier":
            raise ConfigError(
                where(config),
                got=f"{place}: an n-gram model",
                wanted="a classifier",
                way_out="Name it in [[signals.ngram_lms]].",
            )
        return ScoreModel(
            **own, kind="classifier", digest=told.digest, place=place, trained=False,
            read=told.read, told=told.told,
        )  # fmt: skip
    fasttext(place, str(config.sha256), str(config.label), where(config))
    return ScoreModel(
        **own, kind="fasttext", label=config.label, digest=str(config.sha256),
        place=place, trained=False,
    )  # fmt: skip


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
