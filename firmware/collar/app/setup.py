"""Set-up without a computer: for ten minutes the collar is an access point with a page that asks for the owner's Wi-Fi."""

import asyncio

from app.networks import BadNetwork

OPEN_MS = 600_000
# Time for the last answer to reach the phone before the access point goes away.
FAREWELL_MS = 1_500
ADDRESS = ("192.168.4.1", 80)
WPA2 = 3
STYLE = (
    "body{font:17px/1.5 system-ui,sans-serif;max-width:26rem;margin:2rem auto;padding:0 1rem}"
    "label{display:block;padding:.6rem 0}input[type=text],input[type=password],button{font:inherit;width:100%;"
    "padding:.6rem;box-sizing:border-box}.bad{color:#b00020}"
)
PAGE = (
    '<!doctype html><html lang="en"><meta charset="utf-8">'
    '<meta name="viewport" content="width=device-width"><title>%s</title><style>%s</style><h1>%s</h1>%s'
)
FORM = (
    '%s<form method="post" action="/"><fieldset><legend>Which Wi-Fi shall the collar use?</legend>%s'
    '<label>Another one: <input type="text" name="other" maxlength="32" autocomplete="off"></label></fieldset>'
    '<label>Its password: <input type="password" name="key" maxlength="63" autocomplete="off"></label>'
    "<button>Connect the collar</button></form>"
)
CHOICE = '<label><input type="radio" name="name" value="%s"> %s (%d dBm)</label>'
DONE = (
    "<p>The collar now leaves this page and joins <b>%s</b>. Its light shows how that goes: a short flash every few "
    "seconds means that it is online. If the password was wrong, this page comes back.</p>"
)


def escape(text):
    """Text for HTML, in an attribute too."""
    for one, other in (("&", "&amp;"), ("<", "&lt;"), (">", "&gt;"), ('"', "&quot;"), ("'", "&#39;")):
        text = text.replace(one, other)
    return text


class Setup:
    """`network` is MicroPython's module; `name` and `key` are the access point's own, an empty key leaves it open."""

    def __init__(self, network, networks, name, key, log, address=ADDRESS, open_ms=OPEN_MS):
        self._point = network.WLAN(network.WLAN.IF_AP)
        self._networks, self._name, self._key, self._log = networks, name, key, log
        self._address, self._open_ms = address, open_ms
        self._seen, self._done = {}, asyncio.Event()
        self.is_open = False
        self.saved, self.problem = None, ""

    async def run(self, scan):
        """Be an access point until a network was named or the time is over. `scan()` is {name: dBm}."""
        from app import web  # only now: hardly any start needs it, and memory is short

        self._done.clear()
        self.is_open = True
        self._log("setup_opens", name=self._name)
        try:
            self._seen = scan()
            self._raise_point()
            server = await web.serve(self._address, self.answer)
            try:
                await asyncio.wait_for_ms(self._done.wait(), self._open_ms)
                await asyncio.sleep_ms(FAREWELL_MS)
            except asyncio.TimeoutError:
                pass
            finally:
                server.close()
                await server.wait_closed()
        except OSError as error:
            self._log("setup_failed", error=error)
        finally:
            self._point.active(False)
            self.is_open = False
            self._log("setup_closed")

    def _raise_point(self):
        self._point.active(True)
        if self._key:
            self._point.config(ssid=self._name, key=self._key, security=WPA2)
        else:
            self._point.config(ssid=self._name, security=0)

    def answer(self, method, path, form):
        """(status, HTML or where to go): one page at /; whatever else a phone looks for leads to it."""
        if path != "/":
            return 302, "/"
        if method != "POST":
            return 200, self._page(self.problem)
        name = form.get("other") or form.get("name") or ""
        try:
            self._networks.add(name, form.get("key") or "")
        except BadNetwork as error:
            return 400, self._page(str(error))
        except OSError:
            return 500, self._page("The collar cannot write to its flash.")
        self._log("setup_saved", name=name)
        self.saved, self.problem = name, ""
        self._done.set()
        return 200, self._whole(DONE % escape(name))

    def _page(self, problem):
        strongest = sorted(self._seen, key=lambda name: -self._seen[name])
        choices = "".join(CHOICE % (escape(name), escape(name), self._seen[name]) for name in strongest)
        trouble = '<p class="bad" role="alert">%s</p>' % escape(problem) if problem else ""
        return self._whole(FORM % (trouble, choices or "<p>No network is in reach.</p>"))

    def _whole(self, inside):
        name = escape(self._name)
        return PAGE % (name, STYLE, name, inside)
