from django.apps import AppConfig


class DevicesConfig(AppConfig):
    name = "devices"

    def ready(self) -> None:
        from broker import registry
        from devices import live, receivers
        from devices.services import identities

        live.connect()
        receivers.connect()
        registry.take_identities_from(identities.list_lines)
