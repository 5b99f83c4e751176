"""The web instances as nginx sees them: all of them, or all but one that is being started anew.

A file named after an instance in the folder of marks takes it out of turn with the next request, without a reload: that
would close connections that clients keep, perhaps while they send.
"""

from collections.abc import Mapping

from ops.errors import Refusal

CONNECTIONS_PER_ADDRESS = 500  # an office behind one address; nginx has room for 2,500 in all
KEEP = "keepalive 64; keepalive_requests 100000;"


def per_address(env: Mapping[str, str]) -> dict[str, str]:
    """What one address may have at once, as nginx' placeholders. Raises Refusal.

    Of its connections a fifth may wait for an answer of the application.
    """
    value = env.get("HETRI_CONNECTIONS_PER_ADDRESS") or str(CONNECTIONS_PER_ADDRESS)
    if not value.isdecimal() or not int(value):
        raise Refusal(f"HETRI_CONNECTIONS_PER_ADDRESS is {value!r}, but it is a number above 0.")
    return {"connections_per_address": value, "requests_per_address": str(max(int(value) // 5, 1))}


def groups(servers: Mapping[str, str]) -> str:
    """nginx's upstream blocks. `servers`: an instance's name to where it listens (host:port, unix:path)."""
    found = {"web": members(servers)}
    for out in servers if len(servers) > 1 else ():
        found[f"web_without_{out}"] = members(servers, out)
    return "\n    ".join(f"upstream {name} {{ {some} {KEEP} }}" for name, some in found.items())


def choice(servers: Mapping[str, str], marks: str) -> str:
    """Which of the groups a request goes to, as directives of a server block; `marks` is the folder."""
    outs = servers if len(servers) > 1 else ()
    found = [f"if (-f {marks}/{out}) {{ set $web web_without_{out}; }}" for out in outs]
    return "\n        ".join(["set $web web;", *found])


def members(servers: Mapping[str, str], out: str = "") -> str:
    """The servers of an upstream block.

    No failures are counted (max_fails=0): a request that makes an instance close its line is tried on the others, too,
    and then all would be out for everybody. Who hangs is taken out by the watchdog (ops/watchdog.py).

    The one that is out stays as the last resort: a request whose body comes slowly may find that it is back, and
    that another one is out by then.
    """
    return " ".join(f"server {where} max_fails=0{' backup' if name == out else ''};" for name, where in servers.items())
