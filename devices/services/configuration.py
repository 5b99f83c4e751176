"""What a collar is told to do: stored first, published after commit, published again until the collar reports it."""

from django.db import transaction
from django.db.models import F

from broker import publisher
from broker.commands import Config
from devices.live import push_status
from devices.models import Device
from devices.signals import access_changed


@transaction.atomic
def change_config(*, device: Device, changes: dict[str, object]) -> Device:
    """Merge `changes` (validated keys of Config) and give the whole a new version, if anything differs."""
    locked = Device.objects.select_for_update(no_key=True).get(pk=device.pk)
    merged = {**locked.config, **changes}
    if merged != locked.config:
        Device.objects.filter(pk=device.pk).update(config=merged, config_version=F("config_version") + 1)
        locked.refresh_from_db()
        publish_config(locked)
        push_status(locked)
        transaction.on_commit(lambda: access_changed.send_robust(Device, device_id=device.pk))
    return locked


def publish_config(device: Device) -> None:
    """Put the desired state on the broker, retained, after commit."""
    # A newer version of ours, which is just being rolled out, may have stored what this one does not know.
    known = {name: value for name, value in device.config.items() if name in Config.__struct_fields__}
    config = Config(version=device.config_version, **known)
    transaction.on_commit(lambda: publisher.send_command(device.pk, config))
