from django.db import migrations, models


class Migration(migrations.Migration):
    dependencies = [("core", "0003_kept_answers")]
    operations = [
        migrations.CreateModel(
            name="ClockMark",
            fields=[
                ("id", models.BigAutoField(auto_created=True, primary_key=True, serialize=False, verbose_name="ID")),
                ("at", models.DateTimeField()),
            ],
        ),
    ]
