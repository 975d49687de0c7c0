from django.db import migrations, models


class Migration(migrations.Migration):
    dependencies = (("flows", "0006_schedules"),)

    operations = (
        migrations.AddIndex(
            model_name="run",
            index=models.Index(fields=["flow_name", "turned_away", "status", "id"], name="wf_run_turned_away"),
        ),
    )
