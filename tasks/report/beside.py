"""Excerpts side by side on the report page, or below each other where there is no room."""

from __future__ import annotations

from typing import Final

STYLE: Final = """.pair { margin: 0 0 1.25rem; border-top: 1px solid var(--line);
  padding-top: .6rem; break-inside: avoid }
.pair h3 { font-size: .9375rem; margin: 0; overflow-wrap: anywhere }
.pair p { max-width: none; font-size: .8125rem; margin: .1rem 0 .35rem; overflow-wrap: anywhere }
.sides { display: grid; gap: .6rem 1.5rem;
  grid-template-columns: repeat(auto-fit, minmax(min(100%, 20rem), 1fr)) }
.pair figure { margin: 0; min-width: 0 }
.pair figcaption { font-size: .75rem; color: var(--dim); overflow-wrap: anywhere }
.pair blockquote { margin: .15rem 0 0; font-size: .875rem; line-height: 1.45;
  overflow-wrap: anywhere }
mark { background: #f7dfa5; color: inherit; border-bottom: 2px solid #b5533c }
@media (prefers-color-scheme: dark) { mark { background: #5c4413; border-color: #e08a72 } }
"""
TEMPLATE: Final = """{% macro beside(all) %}{% for pair in all %}
<article class="pair"><h3>{{ pair.title }}</h3>
{% if pair.text %}<p class="dim">{{ pair.text }}</p>{% endif %}
<div class="sides">{% for side in pair.excerpts %}
<figure><figcaption>{{ side.label }}</figcaption>
<blockquote dir="auto">{% for marked, piece in side.pieces %}{% if marked %}<mark>{{ piece
 }}</mark>{% else %}{{ piece }}{% endif %} {% endfor %}</blockquote></figure>{% endfor %}
</div></article>{% endfor %}{% endmacro %}
"""
