from django.db import migrations, models


class Migration(migrations.Migration):
    dependencies = [("core", "0002_held_tries")]
    operations = [
        migrations.CreateModel(
            name="KeptAnswer",
            fields=[
                ("id", models.BigAutoField(auto_created=True, primary_key=True, serialize=False, verbose_name="ID")),
                ("caller", models.UUIDField()),
                ("path", models.CharField(max_length=200)),
                ("key", models.CharField(max_length=200)),
                ("body_digest", models.CharField(max_length=64)),
                ("status", models.PositiveSmallIntegerField(null=True)),
                ("content", models.BinaryField(null=True)),
                ("secret", models.BooleanField(default=False)),
                ("begun_at", models.DateTimeField(db_index=True)),
            ],
            options={
                "constraints": [
                    models.UniqueConstraint(fields=("caller", "path", "key"), name="one_answer_a_key"),
                ],
            },
        ),
    ]
