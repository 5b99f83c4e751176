"""Static files under hashed names, so that browsers keep them for good; imports between modules are rewritten too."""

from django.contrib.staticfiles.storage import ManifestStaticFilesStorage


class HashedStorage(ManifestStaticFilesStorage):
    """Django's, with `import` statements of JavaScript modules followed."""

    support_js_module_import_aggregation = True
