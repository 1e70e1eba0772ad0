"""
Build the distribution: upstream's Django, its hooks and django.channels.

The base follows the interpreter, so this can't be written down statically.
"""

import shutil
import sys
from email.parser import Parser
from pathlib import Path

from setuptools import find_namespace_packages, setup
from setuptools.command.build_py import build_py
from setuptools.command.sdist import sdist

ROOT = Path(__file__).resolve().parent
sys.path.insert(0, str(ROOT))

import patchset  # NOQA: E402

LOCAL_VERSION = "channels.1"
# The interface server's. TLS, Redis, and encrypting what is on it are extras.
REQUIREMENTS = ["twisted>=24.7", "autobahn>=24.4.2", "httptools>=0.6.1"]
EXTRAS = {
    "encryption": ["cryptography>=42"],
    # hiredis reads what the server answers in a fraction of the time.
    "redis": ["redis[hiredis]>=6.4"],
    "tls": ["twisted[tls]>=24.7"],
}


class OwnSdist(sdist):
    """Hold what git holds; a build obtains upstream's files again."""

    def make_release_tree(self, base_dir, files):
        own = patchset.git_files(ROOT)
        if own:
            files = [f for f in files if ".egg-info" in f] + sorted(own)
        upstream = patchset.Tree(ROOT).state["files"]
        super().make_release_tree(base_dir, [f for f in files if f not in upstream])


class CleanBuild(build_py):
    """Start from nothing: the other base's files must not be left over."""

    def run(self):
        if not self.editable_mode:
            shutil.rmtree(self.build_lib, ignore_errors=True)
        super().run()


def choose_base():
    """Return the interpreter's base, or the one a source archive was made for."""
    metadata = ROOT / "PKG-INFO"
    if metadata.exists():
        version = Parser().parsestr(metadata.read_text())["Version"]
        return patchset.Base(ROOT, ".".join(version.split(".")[:2]))
    return patchset.Base.of(ROOT)


def upstream_requirements(metadata):
    """Return upstream's requirements and extras."""
    requirements, extras = [], {}
    for requirement in metadata.get_all("Requires-Dist"):
        name, _, extra = requirement.partition("; extra == ")
        if extra:
            extras.setdefault(extra.strip("\"'"), []).append(name)
        else:
            requirements.append(requirement)
    return requirements, extras


def packages():
    """Return django's folders, those that hold only data too."""
    found = find_namespace_packages(str(ROOT), include=["django*"])
    return [name for name in found if "__pycache__" not in name]


base = choose_base()
patchset.apply(ROOT, base)
upstream = Parser().parsestr((ROOT / "upstream" / "PKG-INFO").read_text())
requirements, extras = upstream_requirements(upstream)
(first, end), readme = patchset.BASES[base.name], ROOT / "README.md"

setup(
    name="Django",
    version=f"{base.version}+{LOCAL_VERSION}",
    description="Django with channels in its core.",
    long_description=readme.read_text() if readme.exists() else "",
    long_description_content_type="text/markdown",
    license="BSD-3-Clause",
    license_files=["LICENSE", *(f"upstream/{n}" for n in patchset.NOTICES[:3])],
    python_requires=">={}.{},<{}.{}".format(*first, *end),
    install_requires=requirements + REQUIREMENTS,
    extras_require={**extras, **EXTRAS},
    packages=packages(),
    include_package_data=True,
    cmdclass={"build_py": CleanBuild, "sdist": OwnSdist},
    entry_points={
        "console_scripts": [
            "django-admin = django.core.management:execute_from_command_line"
        ]
    },
)
