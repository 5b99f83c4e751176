from django.db import migrations, models


class Migration(migrations.Migration):
    dependencies = [
        ("streaming", "0005_sent_commands"),
    ]

    operations = [
        migrations.AlterField(
            model_name="streamsession",
            name="reason",
            field=models.CharField(
                blank=True,
                choices=[
                    ("unwatched", "Unwatched"),
                    ("no_picture", "No Picture"),
                    ("refused", "Refused"),
                    ("unsupported", "Unsupported"),
                    ("camera_off", "Camera Off"),
                    ("retired", "Retired"),
                    ("owner_left", "Owner Left"),
                    ("not_sent", "Not Sent"),
                    ("staff", "Staff"),
                    ("gave_way", "Gave Way"),
                    ("bad_picture", "Bad Picture"),
                    ("unplayable", "Unplayable"),
                ],
                max_length=11,
            ),
        ),
    ]
