"""Rules and fixtures for all tests: one marker a module, a clean environment, the models directory."""

import os
from pathlib import Path

import pytest

from voxcart.paths import models_dir as default_models_dir

KINDS = {"unit", "contract", "integration", "e2e", "faults"}


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Every test says what kind it is; the kind is the folder it lies in."""
    for item in items:
        kinds = KINDS & {marker.name for marker in item.iter_markers()}
        folder = item.path.relative_to(Path(__file__).parent).parts[0]
        if kinds != {folder}:
            raise pytest.UsageError(f"{item.nodeid}: marked {sorted(kinds) or 'nothing'}, but lies in tests/{folder}")


def pytest_addoption(parser: pytest.Parser) -> None:
    parser.addoption("--every-suite", action="store_true", help="fail if a suite passed no test or models are missing")


def pytest_terminal_summary(terminalreporter: pytest.TerminalReporter) -> None:
    passed = {_suite(report.nodeid) for report in terminalreporter.stats.get("passed", [])}
    terminalreporter.section("suites that ran")
    terminalreporter.write_line(", ".join(sorted(passed)) or "none")


def pytest_sessionfinish(session: pytest.Session) -> None:
    """With ``--every-suite`` a suite in which no test passed is a failure."""
    if not session.config.getoption("--every-suite") or session.exitstatus not in {0, 5}:
        return
    reporter = session.config.pluginmanager.get_plugin("terminalreporter")
    passed = {_suite(report.nodeid) for report in reporter.stats.get("passed", [])}
    if missing := KINDS - passed:
        reporter.write_line(f"\nno test passed in: {', '.join(sorted(missing))}", red=True)
        session.exitstatus = pytest.ExitCode.TESTS_FAILED


def _suite(nodeid: str) -> str:
    return nodeid.split("/")[1] if "/" in nodeid else ""


@pytest.fixture(autouse=True)
def _clean_environment(monkeypatch: pytest.MonkeyPatch) -> None:
    """Settings of the machine do not reach a test, except where the models are."""
    for name in list(os.environ):
        if name.startswith("VOXCART_") and name not in {"VOXCART_MODELS_DIR", "VOXCART_HOME"}:
            monkeypatch.delenv(name)


@pytest.fixture(scope="session")
def models_dir(request: pytest.FixtureRequest) -> Path:
    """Directory of the model store with pulled models; skips when there are none, fails with ``--every-suite``."""
    directory = default_models_dir()
    if not directory.is_dir() or not any(directory.iterdir()):
        sentence = f"no models in {directory}; run `voxcart models pull`"
        if request.config.getoption("--every-suite"):
            pytest.fail(sentence)
        pytest.skip(sentence)
    return directory
