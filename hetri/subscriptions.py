"""The one table of what happens with what collars send, and what runs beside it in the ingest process."""

from broker.subscriber import Routes
from devices.handlers import handle_statuses
from devices.services.suspension import suspend
from telemetry.services.ingest import store, store_recent
from telemetry.services.rejected import quarantine

ROUTES = Routes(telemetry=store_recent, late=store, status=handle_statuses, quarantine=quarantine, cut=suspend)
