"""What the patched tree's suite runs with, and which of the tests."""

from dataclasses import dataclass, field

ENCODING = "django.channels.testing.encoding.EncodingChannelBackend"
# Upstream's test modules that have requests answered by a handler: those with
# a test client, a live server, or the handlers themselves.
HANDLING = """
    admin_changelist admin_custom_urls admin_docs admin_inlines admin_utils
    admin_views admin_widgets asgi async auth_tests builtin_server cache
    conditional_processing contenttypes_tests context_processors csrf_tests
    file_uploads flatpages_tests generic_inline_admin generic_views handlers
    i18n logging_tests messages_tests middleware middleware_exceptions
    proxy_models redirects_tests requests_tests servers sessions_tests
    shortcuts sitemaps_tests staticfiles_tests syndication_tests
    template_tests test_client test_client_regress test_utils timezones
    urlpatterns_reverse view_tests wsgi
""".split()
# What CI runs: the quick ones of them.
QUICK = """
    asgi async builtin_server conditional_processing csrf_tests file_uploads
    handlers logging_tests messages_tests middleware middleware_exceptions
    requests_tests servers sessions_tests test_client test_client_regress
    test_utils view_tests wsgi
""".split()


@dataclass(frozen=True)
class Mode:
    """
    Settings of the patched tree.

    ``labels`` are the modules that the mode is about, None for all of them;
    ``aim`` is the most that the ratio of the times should be.
    """

    name: str
    settings: dict = field(default_factory=dict)
    labels: list | None = None
    aim: float | None = None

    def choose(self, modules):
        """Return those of the modules that this mode runs."""
        if self.labels is None:
            return modules
        return [module for module in modules if module in self.labels]


MODES = {
    mode.name: mode
    for mode in [
        Mode("default", aim=1.03),
        Mode("off", {"CHANNEL_HTTP_BACKEND": None}, aim=1.03),
        Mode(
            "encoded",
            {"CHANNEL_BACKENDS": {"default": {"BACKEND": ENCODING}}},
            HANDLING,
        ),
    ]
}
