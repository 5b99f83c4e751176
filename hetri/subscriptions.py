"""The one table of what happens with what collars send, and what runs beside it in the ingest process."""

from devices.handlers import handle_status
from devices.mqtt.subscriber import Routes
from telemetry.services.ingest import store
from telemetry.services.rejected import set_aside

ROUTES = Routes(telemetry=store, status=handle_status, set_aside=set_aside)
