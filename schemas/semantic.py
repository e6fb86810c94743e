"""The section ``[dedup.semantic]``: documents that mean the same, by embeddings the user has."""

from __future__ import annotations

from pydantic import Field, field_validator

from schemas.recipe import Section, wrong


class SemanticConfig(Section):
    """Documents that mean the same, by embeddings that you bring along.

    Needs `pip install 'openmoat[semantic]'`.
    """

    embeddings: tuple[str, ...] = Field(
        strict=False,
        description="Parquet with a row a document: a file, a folder, a glob, an `https://` "
        "address, or a list of them. Rows of other documents than the run's may be among them.",
    )
    id_field: str = Field(
        default="id",
        min_length=1,
        description="Its column with the document's id: the record's own, or its `doc_id`.",
    )
    field: str = Field(
        default="embedding",
        min_length=1,
        description="Its column with the embedding: a list of numbers of 16, 32 or 64 bits, as "
        "many in each.",
    )
    threshold: float = Field(
        default=0.95,
        gt=0.0,
        le=1.0,
        description="Cosine to the embedding of a kept document at which another one goes. What "
        "means the same depends on the model: look at pairs before you lower it.",
    )

    @field_validator("embeddings", mode="before")
    @classmethod
    def _one_or_many(cls, value: object) -> object:
        return (value,) if isinstance(value, str) else value

    @field_validator("embeddings")
    @classmethod
    def _some_place(cls, places: tuple[str, ...]) -> tuple[str, ...]:
        if places and "" not in places:
            return places
        raise wrong(
            "",
            got="an empty text" if places else "an empty list",
            wanted="a place with Parquet files",
            way_out="Name it, or remove the section [dedup.semantic].",
        )
