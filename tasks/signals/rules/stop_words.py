"""Stop words by language: eight each, as Gopher has eight of English.

English's are the paper's (arXiv 2112.11446, table A1). The others are our own choice of the
commonest function words (articles, prepositions, conjunctions, forms of "to be"), none of more than
seven bytes, in lower case; ASCII letters of a text are compared as lower case.
"""

from __future__ import annotations

from typing import Final

WORDS: Final = 8
STOP_WORDS: Final = {
    "en": ("the", "be", "to", "of", "and", "that", "have", "with"),
    "bg": ("и", "на", "за", "от", "да", "се", "не", "по"),
    "ca": ("de", "la", "i", "el", "que", "per", "en", "amb"),
    "cs": ("a", "se", "na", "je", "v", "že", "s", "do"),
    "da": ("og", "i", "at", "det", "er", "en", "til", "af"),
    "de": ("der", "die", "und", "in", "zu", "den", "das", "ist"),
    "el": ("και", "το", "του", "να", "της", "με", "σε", "για"),
    "es": ("de", "la", "que", "el", "en", "y", "los", "por"),
    "et": ("ja", "on", "ei", "et", "mis", "ka", "oma", "või"),
    "fi": ("ja", "on", "ei", "tai", "että", "se", "ole", "kuin"),
    "fr": ("de", "la", "le", "et", "les", "des", "en", "que"),
    "hr": ("i", "u", "je", "na", "se", "da", "za", "od"),
    "hu": ("a", "az", "és", "hogy", "is", "nem", "egy", "vagy"),
    "id": ("yang", "dan", "di", "dari", "untuk", "dengan", "ini", "pada"),
    "it": ("di", "e", "la", "che", "il", "in", "per", "un"),
    "lt": ("ir", "kad", "yra", "su", "į", "iš", "kaip", "ar"),
    "lv": ("un", "ir", "ar", "uz", "no", "par", "vai", "ka"),
    "nl": ("de", "het", "een", "van", "en", "in", "dat", "is"),
    "no": ("og", "i", "det", "er", "en", "til", "av", "som"),
    "pl": ("i", "w", "na", "do", "z", "się", "nie", "jest"),
    "pt": ("de", "a", "que", "e", "o", "do", "da", "em"),
    "ro": ("de", "și", "în", "la", "a", "cu", "care", "nu"),
    "ru": ("и", "в", "не", "на", "с", "что", "по", "к"),
    "sk": ("a", "sa", "na", "je", "v", "že", "s", "do"),
    "sl": ("in", "je", "v", "na", "se", "da", "za", "ki"),
    "sv": ("och", "i", "att", "det", "som", "en", "är", "av"),
    "tr": ("ve", "bir", "bu", "için", "da", "de", "ile", "olan"),
    "uk": ("і", "в", "не", "на", "з", "що", "до", "та"),
    "vi": ("và", "của", "là", "có", "các", "cho", "một", "trong"),
}
ELSE: Final = {"und": "en"}
"""Whose list a text gets of which no language is known: the paper knows English alone."""
