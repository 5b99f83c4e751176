from django.db import migrations, models


class Migration(migrations.Migration):
    dependencies = [("accounts", "0004_move_sessions")]
    operations = [
        migrations.AddField(
            "usersession", "previous_jti", models.CharField(blank=True, db_default="", default="", max_length=32)
        ),
        migrations.AddField("usersession", "refreshed_at", models.DateTimeField(blank=True, null=True)),
    ]
