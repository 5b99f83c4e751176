"""Runs the program's own tests: `micropython tests/run.py [NAME ...]`.

Each function test_* of each test_*.py is called with the path of an empty folder.
"""

import os
import sys

HERE = __file__.rsplit("/", 1)[0] if "/" in __file__ else "."
FOLDER = 0x4000


def clear(path):
    """Delete a folder with what is in it."""
    for name, kind, *_ in list(os.ilistdir(path)):
        if kind == FOLDER:
            clear(path + "/" + name)
        else:
            os.remove(path + "/" + name)
    os.rmdir(path)


def run(module, name, folder):
    """Call one test. True if it passed."""
    os.mkdir(folder)
    try:
        getattr(module, name)(folder)
    except Exception as error:
        print("FAILED %s.%s" % (module.__name__, name))
        sys.print_exception(error)
        return False
    finally:
        clear(folder)
    return True


def main(wanted):
    """Run all tests, or those of the named files. The number of failures, at most 1."""
    sys.path[:0] = [HERE, HERE + "/../sim", HERE + "/.."]
    base = (os.getenv("TMPDIR") or "/tmp") + "/collar-tests-%s" % os.urandom(4).hex()
    os.mkdir(base)
    names = sorted(
        name[:-3] for name in os.listdir(HERE) if name.startswith("test_") and name.endswith(".py")
    )
    results = []
    for file in names:
        if wanted and file not in wanted:
            continue
        module = __import__(file)
        tests = sorted(name for name in dir(module) if name.startswith("test_"))
        results.extend(run(module, name, base + "/t") for name in tests)
    os.rmdir(base)
    print("%d passed, %d failed" % (results.count(True), results.count(False)))
    return 0 if results and all(results) else 1


sys.exit(main(sys.argv[1:]))
