"""Fixtures for every test: a home of its own, nothing from the developer's environment; one small city, built once."""

from __future__ import annotations

import os
import shutil
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from warehouse.home import Home
from warehouse.lock import exclusive


@pytest.fixture
def home(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Home]:
    """An empty home, also named by TOWNLAKE_HOME for commands run in child processes."""
    monkeypatch.setenv("TOWNLAKE_HOME", str(tmp_path / "home"))
    monkeypatch.delenv("TOWNLAKE_CATALOG", raising=False)
    monkeypatch.delenv("TOWNLAKE_STORE", raising=False)
    yield Home.from_environment().prepare()


def _made_once(factory: pytest.TempPathFactory, name: str, make: Callable[[Path], None]) -> Path:
    """A folder made by the first of all workers that asks for it; the others wait and share it."""
    base = factory.getbasetemp()
    shared = (base.parent if "PYTEST_XDIST_WORKER" in os.environ else base) / "shared"
    folder, done = shared / name, shared / f"{name}.done"
    with exclusive(shared / f"{name}.lock", f"making {name}", wait_seconds=1200):
        if not done.exists():
            shutil.rmtree(folder, ignore_errors=True)
            make(folder)
            done.touch()
    return folder


@pytest.fixture(scope="session")
def small_city(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Folder with `landing/`, `landing_2/` and `truth/` of 600 people over two months."""
    import sample_city

    return _made_once(
        tmp_path_factory,
        "city",
        lambda folder: sample_city.generate(600, 11, folder, periods=2, datasets=sample_city.CORE),
    )


@pytest.fixture(scope="session")
def first_month(tmp_path_factory: pytest.TempPathFactory, small_city: Path) -> Home:
    """A home that has seen the first month of the small city: to look at, never to change (`copied`)."""
    from townlake import steps

    def make(folder: Path) -> None:
        home = Home.throwaway(folder).prepare()
        steps.ingest(home, small_city / "landing")
        assert steps.build(home)["published"]

    return Home.throwaway(_made_once(tmp_path_factory, "first_month", make))


@pytest.fixture(scope="session")
def two_months(tmp_path_factory: pytest.TempPathFactory, small_city: Path, first_month: Home) -> Home:
    """That home after the second month, built by increments: to look at, never to change."""
    from townlake import steps

    def make(folder: Path) -> None:
        shutil.copytree(first_month.root, folder)
        home = Home.throwaway(folder)
        steps.ingest(home, small_city / "landing_2")
        assert steps.build(home)["published"]

    return Home.throwaway(_made_once(tmp_path_factory, "two_months", make))


@pytest.fixture(scope="session")
def road_to_kill(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder that the processes of tests.killing share: the first of them walks the road in it."""
    return _made_once(tmp_path_factory, "kills", lambda folder: folder.mkdir())


@pytest.fixture(scope="session")
def template(tmp_path_factory: pytest.TempPathFactory) -> Home:
    """A home of two deliveries and one published build, made without dbt: to look at, never to change (`kept`)."""
    from tests.warehouse.kept import built

    return built(Home.throwaway(tmp_path_factory.mktemp("template") / "home"))


@pytest.fixture
def kept(template: Home, home: Home) -> Home:
    """A copy of it to spoil, named by TOWNLAKE_HOME."""
    shutil.copytree(template.root, home.root, dirs_exist_ok=True)
    return home


@pytest.fixture
def copied(tmp_path: Path) -> Callable[[Home], Home]:
    """Copies a home to spoil."""

    def copy(home: Home) -> Home:
        shutil.copytree(home.root, tmp_path / "copied")
        return Home.throwaway(tmp_path / "copied")

    return copy
