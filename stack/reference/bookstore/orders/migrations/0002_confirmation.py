"""Orders are confirmed."""

import django.db.models.deletion
from django.db import migrations, models


class Migration(migrations.Migration):
    dependencies = [("orders", "0001_initial")]

    operations = [
        migrations.CreateModel(
            name="Confirmation",
            fields=[
                (
                    "order",
                    models.OneToOneField(
                        on_delete=django.db.models.deletion.CASCADE,
                        primary_key=True,
                        serialize=False,
                        to="orders.order",
                    ),
                ),
                ("sent_at", models.DateTimeField(auto_now_add=True)),
                ("sent_by", models.CharField(max_length=10)),
                ("size", models.PositiveIntegerField()),
            ],
        ),
    ]
