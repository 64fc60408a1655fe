import shutil

import pytest

from projects import TOY, Project

GPU = shutil.which("nvidia-smi") is not None


def pytest_report_header():
    return "gpu: tests marked gpu run" if GPU else "gpu: no NVIDIA GPU here, tests marked gpu are deselected"


def pytest_collection_modifyitems(config, items):
    """Where there is no GPU its tests are deselected, and the summary counts them: nothing is skipped silently."""
    if not GPU:
        away = [item for item in items if item.get_closest_marker("gpu")]
        config.hook.pytest_deselected(items=away)
        items[:] = [item for item in items if item not in away]


@pytest.fixture(autouse=True, scope="session")
def own_cache(tmp_path_factory):
    """Keep what tests remember out of the user's own cache folder."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("XDG_CACHE_HOME", str(tmp_path_factory.mktemp("cache")))
        yield


@pytest.fixture
def project(tmp_path):
    return Project(tmp_path)


@pytest.fixture
def toy(project):
    project.write("toy.py", TOY)
    return project
