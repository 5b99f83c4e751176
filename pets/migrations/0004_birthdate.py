from django.db import migrations, models

import pets.models


class Migration(migrations.Migration):
    dependencies = [("pets", "0003_filters")]
    operations = [
        migrations.AlterField(
            "pet",
            "birthdate",
            models.DateField(blank=True, null=True, validators=[pets.models.validate_birthdate]),
        ),
    ]
