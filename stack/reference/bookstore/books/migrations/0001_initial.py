"""The first tables of this app."""

import django.db.models.deletion
from django.db import migrations, models


class Migration(migrations.Migration):
    initial = True

    dependencies = []

    operations = [
        migrations.CreateModel(
            name="Author",
            fields=[
                (
                    "id",
                    models.BigAutoField(
                        auto_created=True, primary_key=True, serialize=False, verbose_name="ID"
                    ),
                ),
                ("name", models.CharField(db_index=True, max_length=100)),
                ("biography", models.TextField(blank=True)),
            ],
        ),
        migrations.CreateModel(
            name="Book",
            fields=[
                (
                    "id",
                    models.BigAutoField(
                        auto_created=True, primary_key=True, serialize=False, verbose_name="ID"
                    ),
                ),
                ("title", models.CharField(max_length=200)),
                ("publication_date", models.DateField()),
                ("isbn", models.CharField(max_length=20)),
                ("isbn13", models.CharField(db_index=True, editable=False, max_length=13)),
                ("summary", models.TextField()),
                (
                    "genre",
                    models.CharField(
                        choices=[
                            ("crime", "Crime"),
                            ("fantasy", "Fantasy"),
                            ("history", "History"),
                            ("horror", "Horror"),
                            ("memoir", "Memoir"),
                            ("nature", "Nature"),
                            ("poetry", "Poetry"),
                            ("romance", "Romance"),
                            ("science", "Science"),
                            ("science-fiction", "Science fiction"),
                            ("travel", "Travel"),
                            ("young-adult", "Young adult"),
                        ],
                        max_length=20,
                    ),
                ),
                ("price", models.DecimalField(decimal_places=2, max_digits=8)),
                ("stock", models.PositiveIntegerField(default=0)),
                (
                    "author",
                    models.ForeignKey(
                        on_delete=django.db.models.deletion.PROTECT,
                        related_name="books",
                        to="books.author",
                    ),
                ),
            ],
            options={
                "ordering": ["-publication_date", "-id"],
                "indexes": [
                    models.Index(fields=["-publication_date", "-id"], name="book_newest_first")
                ],
            },
        ),
    ]
