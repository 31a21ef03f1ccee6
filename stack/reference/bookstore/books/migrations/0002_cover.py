"""Books have covers."""

from django.db import migrations, models


class Migration(migrations.Migration):
    dependencies = [("books", "0001_initial")]

    operations = [
        migrations.AddField(
            model_name="book",
            name="cover",
            field=models.FileField(blank=True, upload_to="covers/"),
        ),
    ]
