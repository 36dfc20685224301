"""The migrations lie in `alembic/` at the top; in a wheel they travel inside the package."""

import shutil
from pathlib import Path

from setuptools import setup
from setuptools.command.build_py import build_py


class BuildWithMigrations(build_py):
    """Copies `alembic/` to `openhours/alembic/`, where `openhours.db.engine` finds it."""

    def run(self) -> None:
        super().run()
        if not self.editable_mode:  # then the checkout's own are found
            target = Path(self.build_lib, "openhours", "alembic")
            shutil.rmtree(target, ignore_errors=True)
            shutil.copytree("alembic", target, ignore=shutil.ignore_patterns("__pycache__"))


setup(cmdclass={"build_py": BuildWithMigrations})
