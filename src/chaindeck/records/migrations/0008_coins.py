"""Finds the coins of an address, however many it had and spent."""

from django.db import migrations, models


class Migration(migrations.Migration):
    """Only what is unspent is in the index: it stays as small as the set of coins."""

    dependencies = [("records", "0007_fee_range")]
    operations = [
        migrations.AddIndex(
            model_name="output",
            index=models.Index(
                fields=["address_id", "id"],
                condition=models.Q(spent_by=None, address_id__isnull=False),
                name="outputs_coins",
            ),
        ),
    ]
