"""Which paths a person looks at in a browser, and which are API."""

PAGE_PREFIXES = ("/collar/", "/pet/", "/account/", "/admin/", "/static/")


def is_page(path: str) -> bool:
    """Whether a person looks at this path in a browser; every other path is API and answers JSON."""
    return path == "/" or path.startswith(PAGE_PREFIXES)
