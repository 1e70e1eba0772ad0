from django.db import migrations


def open_first_rooms(apps, schema_editor):
    Room = apps.get_model("chat", "Room")
    for name in ["Lobby", "Garden", "Workshop"]:
        Room.objects.get_or_create(slug=name.lower(), defaults={"name": name})


class Migration(migrations.Migration):
    dependencies = [("chat", "0001_initial")]

    operations = [
        migrations.RunPython(open_first_rooms, migrations.RunPython.noop),
    ]
