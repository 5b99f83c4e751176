"""Times of the admin, whose lists Django formats: 24 h, in an order that cannot be misread."""

DATE_FORMAT = "Y-m-d"
TIME_FORMAT = "H:i:s"
DATETIME_FORMAT = "Y-m-d H:i:s"
