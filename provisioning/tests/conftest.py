from staff.tests.conftest import browser, desk, sit

__all__ = ["browser", "desk", "sit"]
