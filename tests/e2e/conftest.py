"""Builds what the tests boot, and offers them the small test programs."""

import fcntl
import os
import subprocess

import pytest

import harness

PROGRAMS = os.path.join(os.path.dirname(os.path.abspath(__file__)), "programs")


@pytest.fixture(scope="session", autouse=True)
def built():
    """Tests never run against a stale kernel."""
    make = ["make", "-s", "--no-print-directory", "-C", harness.ROOT,
            f"BUILD={harness.BUILD}", f"-j{os.cpu_count()}", "all",
            "guest-programs", "bench-program", "fuzz-program"]
    # Every worker does this; all but the first find nothing left to do.
    with open(os.path.join(harness.BUILD, ".tests.lock"), "w") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        if subprocess.run(make, stdin=subprocess.DEVNULL).returncode:
            pytest.exit("the build failed", 2)


@pytest.hookimpl(tryfirst=True)
def pytest_collection_modifyitems(items):
    """Tests that share a module's fixture run in one worker, one after the
    other; all others go to whichever is free."""
    for item in items:
        fixtures = item._fixtureinfo.name2fixturedefs.items()
        shared = [n for n, defs in fixtures if defs[-1].scope == "module"]
        if shared:
            group = f"{item.module.__name__}.{shared[0]}"
            item.add_marker(pytest.mark.xdist_group(name=group))


@pytest.fixture(scope="session")
def program(tmp_path_factory):
    """program("name"): tests/e2e/programs/name.c, built static with musl."""
    folder = tmp_path_factory.mktemp("programs")
    done = {}

    def build(name):
        if name not in done:
            done[name] = harness.compile_c(
                os.path.join(PROGRAMS, name + ".c"), folder / name)
        return done[name]

    return build


@pytest.hookimpl(hookwrapper=True)
def pytest_runtest_makereport(item, call):
    """A harness failure is a story, not a traceback through the harness."""
    report = (yield).get_result()
    if call.excinfo and call.excinfo.errisinstance(AssertionError) \
            and str(call.excinfo.value).startswith("wrong output:"):
        report.longrepr = f"{item.nodeid}\n{call.excinfo.value}"
