"""Text in Chinese, Japanese and Korean on pages: marked with its language, with fonts that systems have for it.

Belongs here: languages of text in finished HTML, font names. Does not: translations, and what a page shows.

One code point is drawn differently in each of the three languages, and a screen reader needs to know which one it
reads: so each run of such text stands in an element with a `lang`. Pages hold no fonts; they name those of the usual
systems (Noto and Source Han on Linux, PingFang and Hiragino on Apple's, YaHei, Yu Gothic and Malgun on Windows).
"""

import re

_LATIN = 'system-ui, "Noto Sans", "Segoe UI", "Helvetica Neue", Arial'
_CHINESE = (
    '"Noto Sans CJK SC", "Noto Sans SC", "Source Han Sans SC", "PingFang SC", "Hiragino Sans GB", "Microsoft YaHei",'
    ' "WenQuanYi Micro Hei"'
)
_JAPANESE = '"Noto Sans CJK JP", "Noto Sans JP", "Source Han Sans", "Hiragino Sans", "Yu Gothic", Meiryo'
_KOREAN = '"Noto Sans CJK KR", "Noto Sans KR", "Source Han Sans K", "Apple SD Gothic Neo", "Malgun Gothic"'
FONTS = (
    f"body {{ font-family: {_LATIN}, {_CHINESE}, sans-serif; }}\n"
    f":lang(zh) {{ font-family: {_LATIN}, {_CHINESE}, sans-serif; }}\n"
    f":lang(ja) {{ font-family: {_LATIN}, {_JAPANESE}, sans-serif; }}\n"
    f":lang(ko) {{ font-family: {_LATIN}, {_KOREAN}, sans-serif; }}\n"
)
_KANA, _HANGUL = "\u3040-\u30ff\uff66-\uff9f", "\u1100-\u11ff\u3130-\u318f\uac00-\ud7af"
_LETTERS = f"{_KANA}{_HANGUL}\u3400-\u4dbf\u4e00-\u9fff\uf900-\ufaff\U00020000-\U0003134f"
_SIGNS = "\u3000-\u303f\uff00-\uff65\uffe0-\uffee“”‘’…·、，。"
# A run begins with a letter of these languages and ends with one or with its punctuation; digits may stand within.
_RUN = re.compile(f"[{_LETTERS}](?:[{_LETTERS}{_SIGNS}]|[0-9A-Za-z .%/+-]{{0,16}}(?=[{_LETTERS}]))*")
_PIECES = re.compile(r"(<[^>]*>)")
# Inside of these an element would be shown as text, or not at all.
_WHOLE = ("style", "script", "title", "svg", "option")


def with_languages(html: str) -> str:
    """The HTML with each run of Chinese, Japanese or Korean text in a `span` of its language.

    Text inside an element that names such a language already stays as it is, as do styles, scripts, titles, pictures.
    Attributes must be escaped as `html.escape` does it: a `>` within one would end its element.
    """
    found: list[str] = []
    passed: list[str] = []  # open elements whose text stays as it is
    for number, piece in enumerate(_PIECES.split(html)):
        if number % 2 == 0:
            found.append(piece if passed else _RUN.sub(_marked, piece))
            continue
        found.append(piece)
        name = re.split(r"[\s/>]", piece.lstrip("</"), maxsplit=1)[0].lower()
        if piece.startswith("</"):
            if passed and passed[-1] == name:
                passed.pop()
        elif not piece.endswith("/>") and (
            name in _WHOLE or (passed and passed[-1] == name) or re.search(r"\blang=[\"']?(?:zh|ja|ko)", piece)
        ):
            passed.append(name)
    return "".join(found)


def _marked(run: re.Match[str]) -> str:
    text = run.group()
    language = "ja" if re.search(f"[{_KANA}]", text) else "ko" if re.search(f"[{_HANGUL}]", text) else "zh"
    return f'<span lang="{language}">{text}</span>'
