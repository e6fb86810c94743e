"""A small model is trained on a hidden mixture, and its own text is asked what that was.

``python -m benchmarks.small_model`` (with the extra ``train``; one core, some minutes) trains a
Llama of half a million parameters on short passages of sources of the folder of real data, samples
it as ``openmoat generate`` does, and concludes from its text with a pool of other documents. Such a
model writes far worse than one that somebody would use.
"""

from __future__ import annotations

import argparse
import sys
import tempfile
import time
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq

from benchmarks import command, mixture_inference
from benchmarks.generations import FOREIGN, Texts, hidden
from schemas import columns as c
from tasks import generating, tokens
from tasks.generating import Request
from tasks.replay import generations, packed, passages
from tasks.replay.sides import Side
from tasks.training import extra
from tasks.training.sampling import How

if TYPE_CHECKING:
    from numpy.typing import NDArray

    Floats = NDArray[np.float64]

CHARS: Final = 1_000
LENGTH, BATCH, VOCABULARY = 256, 8, 2_048
SHAPE: Final = {
    "hidden_size": 128,
    "intermediate_size": 320,
    "num_hidden_layers": 2,
    "num_attention_heads": 4,
    "max_position_embeddings": LENGTH + 1,
    "tie_word_embeddings": True,
}
PEAK, WARM_UP, LAST = 4e-3, 0.05, 0.1
CHARS_PER_TOKEN: Final = 4


def cut(some: dict[str, list[str]], names: list[str], prefix: str) -> tuple[Texts, list[str]]:
    """Cut documents into short passages; give these and their texts."""
    every = [(text, i) for i, name in enumerate(names) for text in some[name]]
    column = pa.array([text for text, _ in every], pa.large_string())
    found = passages.cut(column, most=CHARS)
    keys = passages.keys([f"{prefix}/{i}" for i in range(len(every))], found)
    sizes = (found.ends - found.starts) // CHARS_PER_TOKEN + 1
    owners = np.array([number for _, number in every])[found.documents]
    # Of a passage the model sees the beginning, as of a document: each is one.
    documents = np.arange(found.size)
    side = Side(packed.of(found.texts), keys, documents, sizes)
    lengths = np.bincount(owners, sizes) / np.bincount(owners)
    return Texts(side, owners, lengths), found.texts.to_pylist()


def trained(folder: Path, texts: list[str], options: argparse.Namespace) -> float:
    """Train on texts in the order given, packed, and save; return the last losses' mean."""
    torch, transformers = extra.needed("benchmarks.small_model")
    torch.set_num_threads(1)
    torch.manual_seed(options.seed)
    body = tokens.train(texts, vocab_size=VOCABULARY)
    tokenizer = tokens.load(body, where="trained")
    end = tokens.END_OF_TEXT
    stop = tokenizer.id_of(end)
    ids = [[stop, *own] for own in tokens.ids(tokenizer, texts)]
    flat = np.concatenate([np.array(one) for one in ids])
    windows = flat[: len(flat) // LENGTH * LENGTH].reshape(-1, LENGTH)
    config = transformers.LlamaConfig(
        vocab_size=tokenizer.size, bos_token_id=stop, eos_token_id=stop, **SHAPE
    )
    model = transformers.LlamaForCausalLM(config).train()
    steps = min(options.steps, options.epochs * len(windows) // BATCH)
    rates = torch.optim.AdamW(model.parameters(), lr=PEAK, betas=(0.9, 0.95), weight_decay=0.1)
    losses = []
    for step in range(steps):
        rows = np.arange(step * BATCH, (step + 1) * BATCH) % len(windows)
        batch = torch.tensor(windows[rows])
        for group in rates.param_groups:
            group["lr"] = PEAK * _schedule(step / steps)
        loss = model(input_ids=batch, labels=batch).loss
        loss.backward()
        torch.nn.utils.clip_grad_norm_(model.parameters(), 1.0)
        rates.step()
        rates.zero_grad()
        losses.append(loss.item())
    model.save_pretrained(folder)
    (folder / "tokenizer.json").write_bytes(body)
    saved = transformers.PreTrainedTokenizerFast(
        tokenizer_file=str(folder / "tokenizer.json"), bos_token=end, eos_token=end
    )
    saved.save_pretrained(folder)
    return float(np.mean(losses[-50:]))


def _schedule(done: float) -> float:
    """Return the part of the peak: warm-up, then a cosine down to a tenth."""
    if done < WARM_UP:
        return done / WARM_UP
    wave = 1 + np.cos(np.pi * (done - WARM_UP) / (1 - WARM_UP))
    return LAST + (1 - LAST) * float(wave) / 2


def measured(options: argparse.Namespace) -> dict[str, Any]:
    """Train, sample, conclude."""
    parts = mixture_inference.dealt()
    names = [name for name in mixture_inference.PLACES if name != FOREIGN]
    pool, _ = cut(parts.candidates, names, "pool")
    known, texts = cut(parts.known, names, "text")
    chance = np.random.default_rng(options.seed)
    shares = hidden(chance, names)
    rows: list[int] = []
    for source, n in enumerate(chance.multinomial(options.passages, shares).tolist()):
        own = np.flatnonzero(known.sources == source)
        rows += chance.choice(own, n, replace=n > len(own)).tolist()
    began = time.process_time()
    with tempfile.TemporaryDirectory() as folder:
        order = chance.permutation(rows).tolist()
        loss = trained(Path(folder) / "model", [texts[i] for i in order], options)
        spent = time.process_time() - began
        out = str(Path(folder) / "generations.parquet")
        how = How(length=LENGTH, batch=64)
        answer = generating.of_checkpoint(
            Request(str(Path(folder) / "model"), options.tokens, options.seed, how), out
        )
        written = pq.read_table(out, columns=[c.TEXT, c.N_TOKENS])
    kept = generations.cleaned(
        written.column(c.TEXT).to_pylist(), written.column(c.N_TOKENS).to_numpy()
    ).kept
    some = written.take(pa.array(kept))
    numbers = np.arange(len(kept))
    keys = np.column_stack([numbers, numbers]).astype(np.uint64)
    counts = packed.of(some.column(c.TEXT))
    side = Side(counts, keys, numbers, some.column(c.N_TOKENS).to_numpy())
    told = generations.told(side, pool.side, pool.sources, names=names, seed=0)
    found = None if told.documents is None else told.documents.shares
    return {
        "sources": names,
        "hidden": shares.round(3).tolist(),
        "shares": None if found is None else found.round(3).tolist(),
        "tv": None if found is None else round(float(np.abs(found - shares).sum() / 2), 3),
        "standing": str(told.standing),
        "nearest": list(told.nearest),
        "other": round(told.other, 3),
        "skill": round(told.skill, 3),
        "loss": round(loss, 2),
        "rows": answer.rows,
        "dropped": answer.dropped,
        "cpu_seconds_of_training": round(spent),
    }


def shown(result: dict[str, Any]) -> str:
    """Say it for people."""
    return "\n".join(f"{name}: {value}" for name, value in result.items())


def main(arguments: list[str]) -> None:
    """Measure and print."""
    made = argparse.ArgumentParser(description=__doc__)
    made.add_argument("--steps", type=int, default=1_000)
    made.add_argument("--epochs", type=int, default=2)
    made.add_argument("--passages", type=int, default=8_000)
    made.add_argument("--tokens", type=int, default=100_000)
    made.add_argument("--seed", type=int, default=3)
    made.add_argument("--json", action="store_true", help="the last line is all figures as JSON")
    command.run(made.parse_args(arguments), measured, shown)


if __name__ == "__main__":
    main(sys.argv[1:])
