"""What a tokenizer's merges say of the mixture of its text, as it is kept and handed on."""

from __future__ import annotations

from typing import Literal

from pydantic import BaseModel, ConfigDict, Field

from schemas.errors import ConfigError


class InferredSource(BaseModel):
    """A candidate source: what was read of it, and what is said of its share."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    documents: int = Field(ge=0, description="Documents that were counted as a candidate's.")
    text_bytes: int = Field(ge=0, description="Bytes of their text, in UTF-8.")
    share: float | None = Field(description="Of the bytes of the tokenizer's text; 0 to 1.")
    low: float | None = Field(description="Where the share's interval begins.")
    high: float | None = Field(description="Where it ends.")
    curve: float | None = Field(description="The share by the smooth curve of counts, beside it.")
    logistic: float | None = Field(description="The share by the logistic of orders, beside it.")


class SelfTested(BaseModel):
    """How far off answers were about tokenizers that were trained on known mixtures."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    tokenizers: int = Field(ge=1, description="How many were trained.")
    level: float = Field(description="What their intervals hold for, 0 to 1.")
    error: float = Field(description="Mean absolute error of a share.")
    even: float = Field(description="The same of even shares: what knowing nothing comes to.")
    worst_fit: float = Field(description="The worst fit among them.")


class InferredMixture(BaseModel):
    """Shares of candidate sources in the text of a tokenizer.

    Shares are None where none can be vouched for: far from any mixture of the candidates, or
    without the self-test. Intervals are None where the fit is worse than the self-test's.
    """

    model_config = ConfigDict(frozen=True, extra="forbid")

    version: Literal[1] = 1
    provenance: Literal["inferred"] = "inferred"
    unit: Literal["bytes of the tokenizer's text"] = "bytes of the tokenizer's text"
    tokenizer: str = Field(description="Name of the file.")
    tokenizer_digest: str = Field(description="xxh3_128 of its bytes, hex.")
    kind: str = Field(description="What kind of file it is.")
    merges: int = Field(description="Merges that were looked at and occur in the candidates.")
    unseen: int = Field(description="Merges that occur in none of them.")
    fit: float = Field(description="Slack a merge, of its rate; the lower the better.")
    standing: Literal["within", "beyond", "far", "untested"] = Field(
        description="How the fit stands to those of the self-test."
    )
    says: str = Field(description="What may be said of it, in words.")
    nearest: tuple[str, ...] = Field(description="Sources of notable share, the largest first.")
    self_test: SelfTested | None = Field(description="None where it was left out.")
    left_out: int = Field(description="Near-duplicates that candidates and self-test shared.")
    seed: int = Field(description="Of how documents are dealt out and the self-test is drawn.")
    sources: dict[str, InferredSource] = Field(min_length=2, description="By name.")

    def shares(self, *, where: str = "inferred shares") -> dict[str, float]:
        """Return the share of each source. ConfigError where none can be vouched for."""
        found = {name: own.share for name, own in self.sources.items()}
        given = {name: share for name, share in found.items() if share is not None}
        if len(given) < len(found):
            raise ConfigError(
                where,
                got=f"a tokenizer whose fit is {self.standing}, and so no shares",
                wanted="one within or near its self-test",
                way_out=self.says,
            )
        return given

    def widths(self) -> dict[str, float | None]:
        """Return how far each share may be off, either way; None where that is not known."""
        return {
            name: None
            if own.share is None or own.low is None or own.high is None
            else max(own.share - own.low, own.high - own.share)
            for name, own in self.sources.items()
        }
