from datetime import timedelta

from django.channels import Group
from django.db import models, transaction
from django.db.models import Count, Max, Q
from django.urls import reverse
from django.utils import timezone

# How many messages a room remembers.
KEPT_MESSAGES = 100

# A page says that it is still there every 20 seconds, or every minute where
# the browser slows the timers of a hidden tab down. One that was silent for
# longer than this is gone, and its server couldn't say so.
SILENCE = timedelta(seconds=90)


class RoomQuerySet(models.QuerySet):
    def with_activity(self):
        """Add who many people are here, and when something was last said."""
        heard = Q(presences__seen__gte=timezone.now() - SILENCE)
        return self.annotate(
            people_count=Count("presences__name", filter=heard, distinct=True),
            last_message=Max("messages__sent"),
        )


class Room(models.Model):
    name = models.CharField(max_length=40)
    slug = models.SlugField(max_length=40, unique=True, allow_unicode=True)

    objects = RoomQuerySet.as_manager()

    class Meta:
        ordering = ["name"]

    def __str__(self):
        return self.name

    def get_absolute_url(self):
        return reverse("chat:room", args=[self.slug])

    @property
    def group(self):
        """The sockets that are in this room."""
        return Group(f"room.{self.pk}")

    def people(self):
        """Return the names of those who are here, each once, in order."""
        names = self.presences.order_by("name").values_list("name", flat=True)
        return list(names.distinct())

    def arrive(self, channel, name):
        """
        Note that somebody is here, or still here, behind a socket's channel;
        forget those who weren't heard of for too long.
        """
        now = timezone.now()
        self.presences.update_or_create(
            channel=channel.name, defaults={"name": name, "seen": now}
        )
        self.presences.filter(seen__lt=now - SILENCE).delete()

    def leave(self, channel):
        self.presences.filter(channel=channel.name).delete()

    @transaction.atomic
    def say(self, name, text):
        """Return a new message; forget those that are now too far back."""
        message = self.messages.create(name=name, text=text)
        kept = self.messages.order_by("-pk").values("pk")[:KEPT_MESSAGES]
        self.messages.exclude(pk__in=kept).delete()
        return message


class Message(models.Model):
    room = models.ForeignKey(Room, models.CASCADE, related_name="messages")
    name = models.CharField(max_length=24)
    text = models.CharField(max_length=2000)
    sent = models.DateTimeField(default=timezone.now)

    class Meta:
        ordering = ["pk"]

    def __str__(self):
        return f"{self.name}: {self.text}"

    def as_dict(self):
        """Return the message as the page gets it."""
        return {
            "id": self.pk,
            "name": self.name,
            "text": self.text,
            "sent": self.sent.isoformat(),
        }


class Presence(models.Model):
    """Somebody in a room: one row for each open socket."""

    channel = models.CharField(max_length=255, unique=True)
    room = models.ForeignKey(Room, models.CASCADE, related_name="presences")
    name = models.CharField(max_length=24)
    seen = models.DateTimeField()

    def __str__(self):
        return f"{self.name} in {self.room}"
